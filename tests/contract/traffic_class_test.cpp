// What sends packets into a class of traffic where they leave notices that they leave by another link, or that the
// class has nothing to do.
#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>

#include "agents/faults/network_faults.hpp"
#include "agents/faults/table.hpp"
#include "tests/support/chatter.hpp"
#include "tests/support/coroutine.hpp"
#include "tests/support/qdiscs.hpp"
#include "tests/support/veth_pair.hpp"

namespace troop::agents {
namespace {

using test::VethPair;
using testing::HasSubstr;
using testing_support::run;

class TrafficClassTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!network_.why_not().empty()) GTEST_SKIP() << network_.why_not();
    ASSERT_EQ(cable_.why_not(), "");
    before_ = test::qdiscs();
    order_.number = 7;
    order_.fault = network_bandwidth.name;
    order_.victim = "here";
    order_.parameters = {{"peers", std::vector<std::string>{VethPair::far_address}}, {"rate_mbit", 0.1}};
    chatter_ = std::jthread{[this](const std::stop_token& end) {
      const test::Datagrams here{VethPair::near_address};
      std::optional<test::Datagrams> there;
      std::thread{[&] {
        if (enter(cable_.far())) there.emplace(VethPair::far_address);
      }}.join();
      while (there && !end.stop_requested()) {
        here.send(*there, std::string(200, 'x'));
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
      }
    }};
  }
  Result<void> look() {
    seen_ = {};
    return run(network_bandwidth.look(parts_, order_, seen_));
  }
  Result<Proof> apply() { return run(network_bandwidth.apply(parts_, order_, seen_)); }
  void expect_undone() {
    const auto reverted = run(network_bandwidth.revert(parts_, order_, seen_));
    EXPECT_TRUE(reverted) << reverted.error().context;
    EXPECT_EQ(test::qdiscs(), before_);
  }
  /// The peer's address is this host's own from now on: what goes there leaves by loopback.
  static void lead_elsewhere() { ASSERT_TRUE(VethPair::set_up("lo", {VethPair::far_address})); }

  const test::PrivateNetwork network_;
  const VethPair cable_;
  test::HostParts parts_;
  protocol::StepOrder order_;
  boost::json::object seen_;
  std::string before_;
  std::jthread chatter_;
};

TEST_F(TrafficClassTest, IsInForceWhileThePeerIsReachedByItsLink) {
  ASSERT_TRUE(look());
  const auto applied = apply();
  ASSERT_TRUE(applied) << applied.error().context;
  EXPECT_TRUE(parts_.holdings().at(7)->renew());
  lead_elsewhere();
  const auto renewed = parts_.holdings().at(7)->renew();
  ASSERT_TRUE(renewed.has_error());
  EXPECT_EQ(renewed.error().kind, ErrorKind::lost);
  EXPECT_THAT(renewed.error().context, HasSubstr("leaves by another link"));
  expect_undone();
}

TEST_F(TrafficClassTest, IsNotAppliedWhereTheRouteChangedSinceSomebodyLooked) {
  ASSERT_TRUE(look());
  lead_elsewhere();
  const auto applied = apply();
  ASSERT_TRUE(applied.has_error());
  EXPECT_THAT(applied.error().context, HasSubstr("leaves by another link"));
  expect_undone();
}

TEST_F(TrafficClassTest, ClaimsNoEffectOfARateThatNobodyReaches) {
  order_.parameters["rate_mbit"] = 1000.0;
  for (const auto& [direction, why] :
       {std::pair{"out", "no packet had to wait for the rate"}, std::pair{"in", "no packet was above the rate"}}) {
    order_.parameters["direction"] = std::string{direction};
    ASSERT_TRUE(look());
    const auto applied = apply();
    ASSERT_TRUE(applied.has_error());
    EXPECT_EQ(applied.error().kind, ErrorKind::lost);
    EXPECT_THAT(applied.error().context, HasSubstr(why));
    expect_undone();
  }
}

/// Sends far more than the rate from beyond the cable, and counts what arrives.
TEST_F(TrafficClassTest, DropsWhatArrivesAboveTheRate) {
  order_.parameters["direction"] = std::string{"in"};
  order_.parameters["rate_mbit"] = 8.0;
  constexpr double bytes_per_second = 1e6, burst = 131'072;
  constexpr std::size_t datagram = 1000, headers = 28;
  const test::Datagrams here{VethPair::near_address, 7777};
  std::optional<test::Datagrams> there;
  std::thread{[&] {
    if (enter(cable_.far())) there.emplace(VethPair::far_address);
  }}.join();
  ASSERT_TRUE(there);
  std::atomic<std::int64_t> sent = 0;
  const std::jthread flood{[&](const std::stop_token& end) {
    while (!end.stop_requested()) {
      for (int i = 0; i < 20; ++i) sent += there->send(here, std::string(datagram, 'x')) ? 1 : 0;
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
  }};
  ASSERT_TRUE(look());
  const auto applied = apply();
  ASSERT_TRUE(applied) << applied.error().context;
  EXPECT_THAT(applied.value().text, HasSubstr("were above the rate, and dropped"));
  while (here.receive(0)) continue;  // the burst is used up
  const std::int64_t began = monotonic_ns(), sent_before = sent;
  std::int64_t arrived = 0;
  while (monotonic_ns() - began < Duration{std::chrono::seconds{2}}.count()) arrived += here.receive(1) ? 1 : 0;
  const double seconds = static_cast<double>(monotonic_ns() - began) * 1e-9;
  const double bytes = static_cast<double>(arrived) * (datagram + headers);
  EXPECT_LE(bytes, bytes_per_second * seconds + burst);
  const double offered = static_cast<double>(sent - sent_before) * (datagram + headers);
  EXPECT_GE(bytes, 0.9 * std::min(offered, bytes_per_second * seconds) - burst);
  EXPECT_GT(offered, 1.5 * bytes_per_second * seconds) << "the flood was none";
  expect_undone();
}

}  // namespace
}  // namespace troop::agents
