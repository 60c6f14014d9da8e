// Rates of packets in a network namespace of the test's own.
#include "agents/host/shaping.hpp"

#include <gmock/gmock.h>
#include <netlink/route/qdisc/htb.h>

#include <thread>

#include "agents/host/ability.hpp"
#include "agents/host/packet_filter.hpp"
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
using troop::test::Listener;
using troop::test::PrivateNetwork;
using troop::test::qdiscs;

constexpr std::uint64_t mbit_20 = 20'000'000 / 8;

std::vector<boost::asio::ip::address> peer() { return {make_address("127.0.0.2")}; }

Result<PacketFilter> classify(const Shaping& shaping, Duration timeout = 60s) {
  return PacketFilter::start({.traffic = {.peers = peer(), .direction = Direction::out},
                              .how = Stop::classify,
                              .priority = shaping.priority()},
                             timeout);
}

/// Mbit/s of one connection from here to the peer.
double throughput(std::size_t bytes) {
  const Listener listener{"127.0.0.2"};
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
    if (now <= 0) return 0;
    got += static_cast<std::size_t>(now);
  }
  return static_cast<double>(bytes) * 8e3 / static_cast<double>(monotonic_ns() - begin);
}

class ShapingTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!network_.why_not().empty()) GTEST_SKIP() << network_.why_not();
    before_ = qdiscs();
  }
  PrivateNetwork network_;
  std::string before_;
};

TEST_F(ShapingTest, LimitsTheRateOfWhatIsClassifiedAndOfNothingElse) {
  const auto shaping = plan_shaping(peer()).value();
  EXPECT_EQ(qdiscs(), before_) << "planning changes nothing";
  ASSERT_TRUE(shape(shaping, mbit_20));
  EXPECT_GT(throughput(4 << 20), 200) << "nobody classifies";
  EXPECT_EQ(shaped(shaping).value().packets, 0U);
  {
    auto filter = classify(shaping);
    ASSERT_TRUE(filter) << filter.error().context;
    const double limited = throughput(4 << 20);
    EXPECT_GT(limited, 15);
    EXPECT_LT(limited, 22);
    const auto counts = shaped(shaping).value();
    EXPECT_GT(counts.bytes, 4U << 20);
    EXPECT_GT(counts.waited, 0U);
  }
  EXPECT_GT(throughput(4 << 20), 200) << "the filter is gone, as with its process";
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(unshape(shaping));
  EXPECT_EQ(qdiscs(), before_);
  EXPECT_TRUE(shaped(shaping).has_error());
}

TEST_F(ShapingTest, SharesALinkWithAnotherAndLeavesItTheQdisc) {
  const auto one = plan_shaping(peer()).value();
  ASSERT_TRUE(shape(one, mbit_20));
  const auto two = plan_shaping(peer()).value();
  EXPECT_NE(one.number, two.number);
  ASSERT_TRUE(shape(two, mbit_20));
  ASSERT_TRUE(unshape(one));
  EXPECT_TRUE(shaped(two));
  EXPECT_TRUE(shaped(one).has_error());
  ASSERT_TRUE(unshape(two));
  EXPECT_EQ(qdiscs(), before_);
}

TEST_F(ShapingTest, LeavesTheQdiscsOfOthersAlone) {
  ASSERT_TRUE(troop::test::add_foreign_qdisc());
  const auto with_it = qdiscs();
  const auto refused = plan_shaping(peer());
  ASSERT_TRUE(refused.has_error());
  EXPECT_THAT(refused.error().context, testing::HasSubstr("lo has a qdisc of somebody else's (htb 1:)"));
  Shaping shaping{.links = {1}, .number = 1};
  EXPECT_TRUE(shape(shaping, mbit_20).has_error());
  EXPECT_TRUE(unshape(shaping));
  EXPECT_EQ(qdiscs(), with_it);
}

/// tests/netem has what a kernel with sch_netem does.
TEST_F(ShapingTest, HoldsPacketsByNetemOrSaysThatTheKernelHasNone) {
  const auto shaping = plan_shaping(peer()).value();
  const auto made = shape(shaping, Netem{.delay = 20ms});
  if (made) {
    EXPECT_EQ(delay_of(shaping).value(), 20ms);
  } else {
    EXPECT_EQ(made.error().context, "lo: this kernel has no sch_netem");
    EXPECT_TRUE(delay_of(shaping).has_error());
  }
  EXPECT_EQ(try_netem().able(), made.has_value());
  ASSERT_TRUE(unshape(shaping));
  EXPECT_EQ(qdiscs(), before_);
}

TEST_F(ShapingTest, RefusesWhatNetemCannot) {
  const auto shaping = plan_shaping(peer()).value();
  EXPECT_TRUE(shape(shaping, Netem{.delay = 3s, .jitter = {.size = 2001ms}}).has_error());
  EXPECT_TRUE(shape(shaping, Netem{.delay = 3s, .jitter = {.size = 1ms, .correlation = 1}}).has_error());
  ASSERT_TRUE(unshape(shaping));
  EXPECT_EQ(qdiscs(), before_);
}

TEST_F(ShapingTest, RefusesAPeerThatNoLinkLeadsTo) {
  const std::vector<boost::asio::ip::address> nowhere{make_address("10.1.2.3")};
  EXPECT_TRUE(plan_shaping(nowhere).has_error());
  EXPECT_EQ(qdiscs(), before_);
}

TEST_F(ShapingTest, IsRemovedFromTheJournalOfAnAgentThatWasKilled) {
  const testing_support::TemporaryFolder folder;
  {
    const test::Fork owner{[&] {
      auto journal = UndoJournal::create(folder / "state").value();
      const auto shaping = plan_shaping(peer()).value();
      UndoRecord record{std::string{shaping_kind}, {}};
      note_shaping(record.state, shaping);
      if (!journal.sign() || !journal.append(record) || !shape(shaping, mbit_20)) return;
      const auto filter = classify(shaping);
      if (filter) test::wait_for_ever();
    }};
    ASSERT_TRUE(until([&] { return qdiscs() != before_ && throughput(1 << 18) < 100; }));
  }
  EXPECT_TRUE(until([] { return throughput(1 << 20) > 200; })) << "it limits nothing any more";
  EXPECT_NE(qdiscs(), before_);
  const auto cleaned = clean_up_after_the_dead(folder / "state");
  EXPECT_EQ(cleaned.undone, 1);
  EXPECT_THAT(cleaned.problems, testing::IsEmpty());
  EXPECT_EQ(qdiscs(), before_);
}

TEST(ShapingRecord, HoldsAllThatRemovingNeeds) {
  const Shaping shaping{.links = {3, 7}, .number = 5, .netns = 4026531840};
  boost::json::object state;
  EXPECT_EQ(noted_shaping(state).number, 0);
  note_shaping(state, shaping);
  const auto noted = noted_shaping(boost::json::parse(boost::json::serialize(state)).as_object());
  EXPECT_EQ(noted.links, shaping.links);
  EXPECT_EQ(noted.number, shaping.number);
  EXPECT_EQ(noted.netns, shaping.netns);
  state["boot_id"] = "another";
  EXPECT_EQ(noted_shaping(state).number, 0) << "a reboot has removed it";
}

}  // namespace
}  // namespace troop::agents
