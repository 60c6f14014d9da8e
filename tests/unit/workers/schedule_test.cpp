#include "agents/workers/schedule.hpp"

#include <gtest/gtest.h>

#include <set>

#include "agents/workers/backoff.hpp"

namespace troop::agents {
namespace {

TEST(OpenLoopScheduleTest, PlansMessageKAtStartPlusKPlusPhaseOverRate) {
  OpenLoopSchedule schedule{1'000, 1000, 0.5};
  EXPECT_EQ(schedule.due_ns(), 1'000 + 500'000);
  schedule.advance();
  EXPECT_EQ(schedule.due_ns(), 1'000 + 1'500'000);
}

TEST(OpenLoopScheduleTest, DoesNotDriftOverAnHour) {
  OpenLoopSchedule schedule{0, 3000, 0};
  for (int k = 0; k < 3000 * 3600; ++k) schedule.advance();
  EXPECT_NEAR(static_cast<double>(schedule.due_ns()), 3600e9, 2.0);
}

/// How many messages are due before `at`.
int planned_until(OpenLoopSchedule& schedule, std::int64_t at) {
  int planned = 0;
  while (schedule.due_ns() < at) {
    schedule.advance();
    ++planned;
  }
  return planned;
}

constexpr std::int64_t second = 1'000'000'000;

TEST(OpenLoopScheduleTest, FollowsStepsRampsAndSilence) {
  using namespace std::chrono_literals;
  OpenLoopSchedule schedule{0, 1000, 0.25};
  // Twice the producer's share: 1000/s until 12 s, to 3000/s within 2 s, silent from 15 s to 16 s, 10/s afterwards.
  schedule.follow({{2s, 6000, 2s}, {5s, 0, 0s}, {6s, 20, 0s}}, 0.5, 10 * second);
  EXPECT_NEAR(planned_until(schedule, 12 * second), 12'000, 1);
  EXPECT_NEAR(planned_until(schedule, 13 * second), 1'500, 1) << "from 1000/s to 2000/s";
  EXPECT_NEAR(planned_until(schedule, 14 * second), 2'500, 1);
  EXPECT_NEAR(planned_until(schedule, 15 * second), 3'000, 1);
  EXPECT_NEAR(planned_until(schedule, 16 * second), 0, 1);
  EXPECT_NEAR(planned_until(schedule, 26 * second), 100, 1);
}

TEST(OpenLoopScheduleTest, FallsSilentForGood) {
  using namespace std::chrono_literals;
  OpenLoopSchedule schedule{0, 1000, 0};
  schedule.follow({{0s, 0, 2s}}, 1, 1 * second);
  EXPECT_NEAR(planned_until(schedule, 100 * second), 2'000, 1) << "1000 before, and half of 1000/s over 2 s";
  EXPECT_EQ(schedule.due_ns(), OpenLoopSchedule::never);
}

TEST(OpenLoopScheduleTest, TakesWhatShouldHaveChangedBeforeItBeganAsChanged) {
  using namespace std::chrono_literals;
  OpenLoopSchedule schedule{50 * second, 1000, 0};
  schedule.follow({{1s, 100, 0s}}, 1, 10 * second);
  EXPECT_NEAR(planned_until(schedule, 60 * second), 1'000, 1);
}

TEST(KeyCycleTest, UsesEachKeyOncePerRoundInAnOrderOfItsSeed) {
  const std::vector<std::uint32_t> keys{1, 3, 5, 7, 9, 11};
  const auto rounds = [&](std::uint64_t seed) {
    KeyCycle cycle{keys, Random{seed}};
    std::vector<std::uint32_t> out;
    for (int i = 0; i < 12; ++i) out.push_back(cycle.next());
    return out;
  };
  const auto a = rounds(1);
  for (int half = 0; half < 2; ++half) {
    EXPECT_EQ((std::set<std::uint32_t>{a.begin() + half * 6, a.begin() + half * 6 + 6}),
              (std::set<std::uint32_t>{keys.begin(), keys.end()}));
  }
  EXPECT_EQ(a, rounds(1));
  EXPECT_NE(a, rounds(2));
}

TEST(KeyCycleTest, RepeatsASingleKey) {
  KeyCycle cycle{{4}, Random{1}};
  EXPECT_EQ(cycle.next(), 4U);
  EXPECT_EQ(cycle.next(), 4U);
}

model::Retry retry(double jitter) {
  model::Retry policy;
  policy.attempts = 6;
  policy.initial = std::chrono::milliseconds{200};
  policy.multiplier = 2;
  policy.max = std::chrono::seconds{3};
  policy.jitter = jitter;
  return policy;
}

std::int64_t ms(Duration duration) { return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count(); }

TEST(BackoffTest, GrowsByTheMultiplierUpToItsBound) {
  Backoff backoff{retry(0), Random{1}};
  for (const std::int64_t wanted : {200, 400, 800, 1600, 3000, 3000}) {
    EXPECT_FALSE(backoff.exhausted());
    EXPECT_EQ(ms(backoff.next()), wanted);
  }
  EXPECT_TRUE(backoff.exhausted());
  backoff.reset();
  EXPECT_FALSE(backoff.exhausted());
  EXPECT_EQ(ms(backoff.next()), 200);
}

TEST(BackoffTest, SpreadsEachPauseWithinTheJitterAndBySeed) {
  bool below = false, above = false;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Backoff backoff{retry(0.2), Random{seed}};
    const std::int64_t pause = ms(backoff.next());
    EXPECT_GE(pause, 160);
    EXPECT_LE(pause, 240);
    below |= pause < 180;
    above |= pause > 220;
    Backoff again{retry(0.2), Random{seed}};
    EXPECT_EQ(ms(again.next()), pause);
  }
  EXPECT_TRUE(below && above);
}

TEST(BackoffTest, StaysBoundedAfterThousandsOfFailures) {
  Backoff backoff{retry(0), Random{1}};
  for (int i = 0; i < 5000; ++i) EXPECT_LE(ms(backoff.next()), 3000);
}

}  // namespace
}  // namespace troop::agents
