#include "agents/host/loss_chain.hpp"

#include <gmock/gmock.h>

#include <cmath>

namespace troop::agents {
namespace {

struct Seen {
  double share = 0, burst = 0;
};
Seen seen_of(double share, double burst, int packets, std::uint64_t seed) {
  auto chain = LossChain::of(share, burst).value();
  Random random{seed};
  int lost = 0, bursts = 0;
  for (int i = 0; i < packets; ++i) {
    const bool within = chain.bad;
    if (!chain.loses(random)) continue;
    ++lost;
    bursts += within ? 0 : 1;
  }
  return {static_cast<double>(lost) / packets, static_cast<double>(lost) / bursts};
}

// How far the share of n packets may be off: the packets of a burst are one event, so its variance is that of single
// losses times (1 + c) / (1 - c), where c = 1 - p - r is the correlation of neighbours. Bursts are geometric: the
// variance of their length is b (b - 1). Four standard deviations, of seeds that are fixed.
TEST(LossChainTest, LosesTheShareInBurstsOfThatLength) {
  struct Case {
    double share, burst;
  };
  constexpr int packets = 400'000;
  std::uint64_t seed = 1;
  for (const auto& [share, burst] : {Case{0.2, 5}, Case{0.01, 10}, Case{0.5, 2}, Case{0.05, 1}, Case{0.8, 20}}) {
    const auto chain = LossChain::of(share, burst).value();
    const double correlation = 1 - chain.p - chain.r;
    const double share_deviation = std::sqrt(share * (1 - share) / packets * (1 + correlation) / (1 - correlation));
    const double burst_deviation = std::sqrt(burst * (burst - 1) / (packets * share / burst));
    const auto seen = seen_of(share, burst, packets, seed++);
    EXPECT_NEAR(seen.share, share, 4 * share_deviation) << share << " in bursts of " << burst;
    EXPECT_NEAR(seen.burst, burst, 4 * burst_deviation + 1e-9) << share << " in bursts of " << burst;
  }
}

TEST(LossChainTest, IsTheSameForTheSameSeedAndNoOther) {
  const auto course = [](std::uint64_t seed) {
    auto chain = LossChain::of(0.3, 4).value();
    Random random{seed};
    std::vector<bool> lost(200);
    for (auto&& each : lost) each = chain.loses(random);
    return lost;
  };
  EXPECT_EQ(course(7), course(7));
  EXPECT_NE(course(7), course(8));
}

TEST(LossChainTest, RefusesWhatNoChainCanDo) {
  for (const double burst : {0.0, 0.99, -1.0, 10'001.0, std::nan("")}) {
    EXPECT_TRUE(LossChain::of(0.1, burst).has_error()) << burst;
  }
  for (const double share : {0.0, 1.0, -0.5, std::nan("")}) EXPECT_TRUE(LossChain::of(share, 5).has_error()) << share;
  const auto short_bursts = LossChain::of(0.8, 2);
  ASSERT_TRUE(short_bursts.has_error());
  EXPECT_THAT(short_bursts.error().context, testing::HasSubstr("80 % of the packets are lost in bursts of at least 4"));
  EXPECT_TRUE(LossChain::of(0.8, 4.01));
  EXPECT_TRUE(LossChain::of(0.8, 4)) << "as short as they can be, but for rounding";
  EXPECT_TRUE(LossChain::of(0.9, 9));
}

}  // namespace
}  // namespace troop::agents
