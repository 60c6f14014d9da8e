#include "common/ids.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <set>

namespace troop {
namespace {

using testing::MatchesRegex;

// From the reference implementation, splitmix64.c by Sebastiano Vigna (2015).
TEST(RandomTest, GivesTheKnownSequenceOfSplitMix64) {
  Random zero{0};
  for (const std::uint64_t expected :
       {0xe220a8397b1dcdafU, 0x6e789e6aa1b965f4U, 0x06c45d188009454fU, 0xf88bb8a8724c81ecU}) {
    EXPECT_EQ(zero.next(), expected);
  }
  Random other{1234567};
  for (const std::uint64_t expected : {6457827717110365317U, 3203168211198807973U, 9817491932198370423U,
                                       4593380528125082431U, 16408922859458223821U}) {
    EXPECT_EQ(other.next(), expected);
  }
}

TEST(RandomTest, RepeatsWithTheSameSeedAndPurpose) {
  Random first{7, "victims"};
  Random second{7, "victims"};
  for (int i = 0; i < 100; ++i) EXPECT_EQ(first.next(), second.next());
}

TEST(RandomTest, HasAStreamForEachPurposeAndEachSeed) {
  std::set<std::uint64_t> seen;
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    for (const auto* purpose : {"", "victims", "times", "jitter"}) {
      Random random{seed, purpose};
      for (int i = 0; i < 100; ++i) seen.insert(random.next());
    }
  }
  EXPECT_EQ(seen.size(), 1200U);  // a clash by chance: 4e-14
}

// A bound of 3/4 of the range: a plain modulo would give the lower third of it twice as often.
TEST(RandomTest, BelowFavoursNoValue) {
  constexpr std::uint64_t bound = (std::uint64_t{1} << 63) + (std::uint64_t{1} << 62);
  Random random{11};
  int low = 0;
  for (int i = 0; i < 30'000; ++i) low += random.below(bound) < bound / 3 ? 1 : 0;
  EXPECT_NEAR(low, 10'000, 500);  // six standard deviations; with modulo bias about 15,000
}

TEST(RandomTest, BelowReachesEveryValueAndNeverTheBound) {
  Random random{5};
  std::array<int, 6> counts{};
  for (int i = 0; i < 60'000; ++i) ++counts.at(random.below(counts.size()));
  for (const int count : counts) EXPECT_NEAR(count, 10'000, 600);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(random.below(1), 0U);
}

TEST(RandomTest, UnitIsInTheHalfOpenInterval) {
  Random random{3};
  double sum = 0;
  double lowest = 1;
  double highest = 0;
  for (int i = 0; i < 100'000; ++i) {
    const double value = random.unit();
    lowest = std::min(lowest, value);
    highest = std::max(highest, value);
    sum += value;
  }
  EXPECT_GE(lowest, 0.0);
  EXPECT_LT(lowest, 0.001);
  EXPECT_GT(highest, 0.999);
  EXPECT_LT(highest, 1.0);
  EXPECT_NEAR(sum / 100'000, 0.5, 0.006);
}

TEST(FreshSeedTest, FitsAJsonNumberAndDiffers) {
  std::set<std::uint64_t> seeds;
  for (int i = 0; i < 100; ++i) seeds.insert(fresh_seed());
  EXPECT_EQ(seeds.size(), 100U);
  EXPECT_LT(*seeds.rbegin(), std::uint64_t{1} << 53);
}

TEST(RandomHexTest, HasTwoDigitsForEachByte) {
  EXPECT_EQ(random_hex(0), "");
  EXPECT_THAT(random_hex(16), MatchesRegex("[0-9a-f]{32}"));
  EXPECT_NE(random_hex(16), random_hex(16));
}

}  // namespace
}  // namespace troop
