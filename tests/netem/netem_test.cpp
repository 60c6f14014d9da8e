// Packets held by the kernel's netem, measured from outside. The machine that this runs in is emulated, and its clock
// counts its instructions (vm.sh): times are true, but its processor is a slow one, so that medians are asked for.
#include "agents/host/netem.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <optional>
#include <thread>

#include "agents/host/packet_filter.hpp"
#include "agents/host/shaping.hpp"
#include "agents/shaping_record.hpp"
#include "agents/undo_journal.hpp"
#include "tests/support/private_network.hpp"
#include "tests/support/qdiscs.hpp"
#include "tests/support/tcp_listener.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/unit/agents/children.hpp"

namespace troop::agents {
namespace {

using namespace std::chrono_literals;
using boost::asio::ip::make_address;
using test::until;
using troop::test::Datagrams;
using troop::test::PrivateNetwork;
using troop::test::qdiscs;

/// What leaves for a peer is held, as a fault does it.
struct Slow {
  Shaping shaping;
  PacketFilter filter;
};

Result<Slow> slowed(const Netem& netem, const char* peer = "127.0.0.2", Duration timeout = 60s) {
  const std::vector peers{make_address(peer)};
  BOOST_OUTCOME_TRY(auto shaping, plan_shaping(peers));
  BOOST_OUTCOME_TRY(shape(shaping, netem));
  BOOST_OUTCOME_TRY(auto filter, PacketFilter::start({.traffic = {.peers = peers, .direction = Direction::out},
                                                      .how = Stop::classify,
                                                      .priority = shaping.priority()},
                                                     timeout));
  return Slow{std::move(shaping), std::move(filter)};
}

double travel_ms(const Datagrams& from, const Datagrams& to) {
  const std::int64_t sent = monotonic_ns();
  EXPECT_TRUE(from.send(to));
  EXPECT_TRUE(to.receive());
  return static_cast<double>(monotonic_ns() - sent) / 1e6;
}

std::vector<double> travels_ms(const Datagrams& from, const Datagrams& to, int count) {
  std::vector<double> all;
  while (count-- > 0 && !testing::Test::HasFailure()) all.push_back(travel_ms(from, to));
  std::sort(all.begin(), all.end());
  return all;
}

double quantile(const std::vector<double>& sorted, double share) {
  return sorted.at(static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1)));
}

class NetemTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(network_.why_not(), "");
    before_ = qdiscs();
  }
  void expect_gone(Slow& slow) {
    EXPECT_TRUE(slow.filter.stop());
    for (int i = 0; i < 2; ++i) EXPECT_TRUE(unshape(slow.shaping));
    EXPECT_EQ(qdiscs(), before_);
    EXPECT_TRUE(delay_of(slow.shaping).has_error());
  }
  /// One packet; none where it did not come within a second: where a qdisc comes or goes, what leaves at that moment is
  /// lost.
  [[nodiscard]] std::optional<double> try_ms() const {
    const std::int64_t sent = monotonic_ns();
    here_.send(there_);
    if (!there_.receive(1000)) return std::nullopt;
    return static_cast<double>(monotonic_ns() - sent) / 1e6;
  }
  [[nodiscard]] bool is_held(double ms) const { return try_ms().value_or(0) >= ms; }
  [[nodiscard]] bool flows() const { return try_ms().value_or(1000) < 50; }

  PrivateNetwork network_;
  const Datagrams here_{"127.0.0.1"}, there_{"127.0.0.2"}, other_{"127.0.0.3"};
  std::string before_;
};

/// How much too late somebody is who only waits for so long.
std::vector<double> late_ms(Duration delay, int count) {
  std::vector<double> all;
  while (count-- > 0) {
    const std::int64_t began = monotonic_ns();
    std::this_thread::sleep_for(delay);
    all.push_back(static_cast<double>(monotonic_ns() - began - delay.count()) / 1e6);
  }
  std::sort(all.begin(), all.end());
  return all;
}

TEST_F(NetemTest, HoldsForAsLongAsWasAskedFor) {
  constexpr int packets = 200;
  const auto undelayed = travels_ms(here_, there_, packets);
  const double plain = quantile(undelayed, 0.5);
  for (const Duration delay : {Duration{10ms}, Duration{50ms}}) {
    auto slow = slowed({.delay = delay});
    ASSERT_TRUE(slow) << slow.error().context;
    EXPECT_EQ(delay_of(slow.value().shaping).value(), delay);
    const auto took = travels_ms(here_, there_, packets);
    const auto late = late_ms(delay, packets);
    const double asked = static_cast<double>(delay.count()) / 1e6, error = quantile(took, 0.5) - plain - asked;
    const double rare = quantile(took, 0.99) - asked;
    fmt::print(
        "{} ms: median error {:+.2f} ms, p99 {:+.2f} ms, most {:+.2f} ms; without netem {:.2f}, {:.2f}, {:.2f}; "
        "a timer alone {:.2f}, {:.2f}, {:.2f}\n",
        delay / 1ms, error, rare, took.back() - asked, plain, quantile(undelayed, 0.99), undelayed.back(),
        quantile(late, 0.5), quantile(late, 0.99), late.back());
    EXPECT_GT(error, -0.1);
    EXPECT_LT(error, 1);
    EXPECT_LT(rare, quantile(undelayed, 0.99) + 1) << "p99";
    EXPECT_LT(quantile(travels_ms(here_, other_, 50), 0.5), 5) << "others are not held";
    EXPECT_LT(quantile(travels_ms(there_, here_, 50), 0.5), 5) << "nor is what comes back";
    const auto counts = shaped(slow.value().shaping).value();
    EXPECT_EQ(counts.packets, std::uint64_t{packets});
    EXPECT_EQ(counts.waiting, 0U);
    EXPECT_EQ(counts.dropped, 0U);
    expect_gone(slow.value());
  }
}

TEST_F(NetemTest, CountsWhatWaits) {
  auto slow = slowed({.delay = 2s});
  ASSERT_TRUE(slow) << slow.error().context;
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(here_.send(there_));
  EXPECT_EQ(shaped(slow.value().shaping).value().waiting, 10U);
  EXPECT_EQ(shaped(slow.value().shaping).value().packets, 0U);
  EXPECT_TRUE(until([&] { return shaped(slow.value().shaping).value().packets == 10; }));
  expect_gone(slow.value());
}

TEST_F(NetemTest, SpreadsItsDelaysAsWasAskedFor) {
  struct Case {
    Spread spread;
    double tenth, half, nine_tenths;  ///< Quantiles in jitters: of the interval, of the bell, of pareto's shape 3.
  };
  const std::map<std::string, Case> cases{{"127.0.1.1", {Spread::uniform, -0.8, 0, 0.8}},
                                          {"127.0.1.2", {Spread::normal, -1.282, 0, 1.282}},
                                          {"127.0.1.3", {Spread::pareto, -0.536, -0.277, 0.755}}};
  std::map<std::string, std::vector<double>> took;
  std::vector<Slow> slow;
  {
    std::vector<std::jthread> senders;  // all at once, each waiting for its packet before it sends the next
    for (const auto& [peer, c] : cases) {
      auto made = slowed({.delay = 30ms, .jitter = {.size = 10ms, .spread = c.spread}}, peer.c_str());
      ASSERT_TRUE(made) << made.error().context;
      slow.push_back(std::move(made).value());
      senders.emplace_back([&all = took[peer], &at = peer] {
        const Datagrams from{"127.0.0.1"}, to{at};
        all = travels_ms(from, to, 250);
      });
    }
  }
  for (const auto& [peer, c] : cases) {
    const auto& all = took.at(peer);
    ASSERT_EQ(all.size(), 250U);
    fmt::print("30 ms +- 10 ms: a tenth below {:.1f} ms, half below {:.1f} ms, a tenth above {:.1f} ms\n",
               quantile(all, 0.1), quantile(all, 0.5), quantile(all, 0.9));
    EXPECT_NEAR(quantile(all, 0.1), 30 + 10 * c.tenth, 4);
    EXPECT_NEAR(quantile(all, 0.5), 30 + 10 * c.half, 4);
    EXPECT_NEAR(quantile(all, 0.9), 30 + 10 * c.nine_tenths, 4);
  }
  for (auto& each : slow) {
    EXPECT_TRUE(each.filter.stop());
    EXPECT_TRUE(unshape(each.shaping));
  }
  EXPECT_EQ(qdiscs(), before_);
}

TEST_F(NetemTest, KeepsTheOrder) {
  constexpr int packets = 300;
  auto slow = slowed({.delay = 40ms, .jitter = {.size = 40ms}});
  ASSERT_TRUE(slow) << slow.error().context;
  for (int i = 0; i < packets; ++i) EXPECT_TRUE(here_.send(there_, std::to_string(i)));
  std::string text;
  for (int i = 0; i < packets; ++i) {
    ASSERT_TRUE(there_.receive(10'000, text));
    ASSERT_EQ(text, std::to_string(i));
  }
  expect_gone(slow.value());
}

/// What a qdisc holds must not count against its sender, or one window fills it.
TEST_F(NetemTest, LetsTcpFillTheWay) {
  constexpr std::size_t bytes = 4 << 20;
  auto slow = slowed({.delay = 10ms});
  ASSERT_TRUE(slow) << slow.error().context;
  const troop::test::Listener listener{"127.0.0.2"};
  const auto client = listener.connection_from("127.0.0.1");
  const auto server = listener.accept();
  const std::int64_t begin = monotonic_ns();
  const std::jthread sender{[&] {
    const std::vector<char> data(bytes);
    for (std::size_t sent = 0; sent < bytes;) {
      const auto now = ::send(client.get(), data.data() + sent, bytes - sent, MSG_NOSIGNAL);
      if (now <= 0) return;
      sent += static_cast<std::size_t>(now);
    }
  }};
  std::vector<char> data(1 << 16);
  for (std::size_t got = 0; got < bytes;) {
    const auto now = ::recv(server.get(), data.data(), data.size(), 0);
    ASSERT_GT(now, 0);
    got += static_cast<std::size_t>(now);
  }
  const double mbit = static_cast<double>(bytes) * 8e3 / static_cast<double>(monotonic_ns() - begin);
  fmt::print("TCP at 10 ms: {:.0f} Mbit/s\n", mbit);
  EXPECT_GT(mbit, 50);
  expect_gone(slow.value());
}

TEST_F(NetemTest, SharesALinkWithAnotherAndEachEndsAlone) {
  auto one = slowed({.delay = 40ms});
  auto two = slowed({.delay = 80ms}, "127.0.0.3");
  ASSERT_TRUE(one && two);
  EXPECT_NEAR(quantile(travels_ms(here_, there_, 15), 0.5), 40, 2);
  EXPECT_NEAR(quantile(travels_ms(here_, other_, 15), 0.5), 80, 2);
  ASSERT_TRUE(one.value().filter.stop());
  ASSERT_TRUE(unshape(one.value().shaping));
  EXPECT_LT(quantile(travels_ms(here_, there_, 15), 0.5), 10);
  EXPECT_NEAR(quantile(travels_ms(here_, other_, 15), 0.5), 80, 2);
  expect_gone(two.value());
}

TEST_F(NetemTest, SharesALinkWithARate) {
  auto slow = slowed({.delay = 40ms});
  ASSERT_TRUE(slow);
  const std::vector peers{make_address("127.0.0.3")};
  const auto limit = plan_shaping(peers).value();
  ASSERT_TRUE(shape(limit, 1'000'000));
  EXPECT_NEAR(quantile(travels_ms(here_, there_, 15), 0.5), 40, 2);
  ASSERT_TRUE(unshape(limit));
  expect_gone(slow.value());
}

TEST_F(NetemTest, HoldsNothingOnceItsProcessIsKilled) {
  const testing_support::TemporaryFolder folder;
  {
    const test::Fork owner{[&] {
      auto journal = UndoJournal::create(folder / "state").value();
      const std::vector peers{make_address("127.0.0.2")};
      UndoRecord record{std::string{shaping_kind}, {}};
      note_shaping(record.state, plan_shaping(peers).value());
      if (!journal.sign() || !journal.append(record)) return;
      const auto slow = slowed({.delay = 100ms});
      if (slow) test::wait_for_ever();
    }};
    ASSERT_TRUE(until([&] { return is_held(100); }));
  }
  const std::int64_t killed = monotonic_ns();
  EXPECT_TRUE(until([&] { return flows(); }));
  EXPECT_LT(Duration{monotonic_ns() - killed}, 2s);
  EXPECT_LT(quantile(travels_ms(here_, there_, 20), 0.5), 10);
  EXPECT_NE(qdiscs(), before_) << "the kernel leaves it there";
  const auto cleaned = clean_up_after_the_dead(folder / "state");
  EXPECT_EQ(cleaned.undone, 1);
  EXPECT_THAT(cleaned.problems, testing::IsEmpty());
  EXPECT_EQ(qdiscs(), before_);
}

TEST_F(NetemTest, HoldsForLongerThanItsLeaseAndNothingOnceItsProcessHangs) {
  constexpr auto lease = 2s;
  Shaping shaping;
  {
    const test::Fork owner{[&] {
      auto slow = slowed({.delay = 100ms}, "127.0.0.2", lease);
      while (slow && slow.value().filter.renew()) std::this_thread::sleep_for(lease / 4);
    }};
    ASSERT_TRUE(until([&] { return is_held(100); }));
    const std::int64_t begin = monotonic_ns();
    while (Duration{monotonic_ns() - begin} < 2 * lease) ASSERT_TRUE(is_held(100)) << "it is renewed";
    ASSERT_EQ(kill(owner.pid(), SIGSTOP), 0);
    const std::int64_t stopped = monotonic_ns();
    EXPECT_TRUE(until([&] { return flows(); }));
    EXPECT_LT(Duration{monotonic_ns() - stopped}, lease + 2s);
    EXPECT_LT(quantile(travels_ms(here_, there_, 20), 0.5), 10);
    shaping = {.links = {1}, .number = 1};
    EXPECT_TRUE(delay_of(shaping)) << "it hangs, and is not dead";
  }
  EXPECT_TRUE(unshape(shaping));
  EXPECT_EQ(qdiscs(), before_);
}

}  // namespace
}  // namespace troop::agents
