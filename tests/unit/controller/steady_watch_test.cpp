#include "controller/run/steady_watch.hpp"

#include <gmock/gmock.h>

#include "tests/unit/controller/publishes.hpp"

namespace troop::controller {
namespace {

using protocol::Record;
using protocol::RecordKind;
using test::ms;
using namespace std::chrono_literals;

model::SteadyState steady(Duration interval, Duration timeout = 60s) {
  model::SteadyState out;
  out.probe = "amqp.publish";
  out.interval = interval;
  out.timeout = timeout;
  out.tolerance = {{"success", {model::Bound::Op::greater_equal, 0.9}}};
  return out;
}

constexpr std::int64_t second = 1000 * ms;

/// One probe with windows of a second, begun at 0.
class SteadyWatchTest : public testing::Test {
 protected:
  SteadyWatchTest() { watch_.begin(0); }

  /// Closes the next windows: g good, b bad.
  void windows(std::string_view kinds) {
    for (const char kind : kinds) {
      ++op_;
      const auto result = kind == 'g' ? RecordKind::publish_ok : RecordKind::publish_fail;
      const std::vector<Record> records{test::publish(RecordKind::publish_invoke, op_, now_, now_),
                                        test::publish(result, op_, now_ + ms, now_)};
      watch_.observe(0, records);
      now_ += second;
      const auto closed = watch_.close_due(now_);
      ASSERT_EQ(closed.size(), 1U);
      EXPECT_EQ(closed[0].probe, "amqp.publish");
      EXPECT_EQ(closed[0].measured.good, kind == 'g');
    }
  }

  SteadyWatch watch_{{steady(1s)}};
  std::int64_t now_ = 0;
  std::uint64_t op_ = 0;
};

TEST_F(SteadyWatchTest, IsNotSteadyBeforeAWindowWasSeen) {
  EXPECT_FALSE(watch_.steady());
  EXPECT_TRUE(watch_.close_due(second - 1).empty());
  EXPECT_FALSE(watch_.steady());
}

TEST_F(SteadyWatchTest, IsSteadyAsTheLastWindowWas) {
  windows("b");
  EXPECT_FALSE(watch_.steady());
  windows("g");
  EXPECT_TRUE(watch_.steady());
  windows("b");
  EXPECT_FALSE(watch_.steady());
}

TEST_F(SteadyWatchTest, ClosesAWindowOnceWhenItIsDueAndTheNextAnIntervalLater) {
  EXPECT_EQ(watch_.close_due(second).size(), 1U);
  EXPECT_TRUE(watch_.close_due(second).empty());
  EXPECT_EQ(watch_.close_due(2 * second + 300 * ms).size(), 1U) << "the controller was late";
  EXPECT_TRUE(watch_.close_due(3 * second + 200 * ms).empty()) << "a short window would judge too few";
  EXPECT_EQ(watch_.close_due(3 * second + 300 * ms).size(), 1U);
}

TEST_F(SteadyWatchTest, IsSteadyAgainFromTheFirstOfSeveralGoodWindows) {
  windows("gbb");
  EXPECT_EQ(watch_.steady_after(second, 3), std::nullopt);
  windows("gg");
  EXPECT_EQ(watch_.steady_after(second, 3), std::nullopt) << "two are not three";
  windows("g");
  EXPECT_EQ(watch_.steady_after(second, 3), 4 * second) << "not from the third";
  EXPECT_EQ(watch_.steady_after(second, 1), 4 * second);
}

TEST_F(SteadyWatchTest, StartsOverAfterABadWindowInBetween) {
  windows("bggbggg");
  EXPECT_EQ(watch_.steady_after(0, 3), 5 * second);
  EXPECT_EQ(watch_.steady_after(0, 2), 2 * second);
}

TEST_F(SteadyWatchTest, StaysAtTheFirstStreakWhateverComesLater) {
  windows("gggbggg");
  EXPECT_EQ(watch_.steady_after(0, 3), second);
  windows("b");
  EXPECT_EQ(watch_.steady_after(0, 3), second);
}

TEST_F(SteadyWatchTest, CountsNoWindowFromBeforeThePartWasBack) {
  windows("ggggb");
  EXPECT_EQ(watch_.steady_after(5 * second, 1), std::nullopt);
  EXPECT_EQ(watch_.steady_after(3 * second, 1), 4 * second) << "one that ended with it is from before";
  EXPECT_EQ(watch_.steady_after(3 * second, 2), std::nullopt) << "and joins no streak";
  windows("gg");
  EXPECT_EQ(watch_.steady_after(3 * second, 2), 6 * second);
}

TEST(SteadyWatchOfSeveralTest, WaitsForTheSlowest) {
  SteadyWatch watch{{steady(1s, 10s), steady(2s, 5s)}};
  EXPECT_EQ(watch.timeout(), 10s);
  EXPECT_EQ(watch.interval(), 2s);
  watch.begin(0);
  const auto publish = [&](std::uint64_t op, std::int64_t time) {
    const std::vector<Record> records{test::publish(RecordKind::publish_invoke, op, time, time),
                                      test::publish(RecordKind::publish_ok, op, time + ms, time)};
    watch.observe(0, records);
  };
  publish(1, 0);
  EXPECT_EQ(watch.close_due(second).size(), 1U);
  EXPECT_FALSE(watch.steady()) << "the other has not seen a window";
  publish(2, second);
  EXPECT_EQ(watch.close_due(2 * second).size(), 2U);
  EXPECT_TRUE(watch.steady());
  EXPECT_EQ(watch.steady_after(0, 1), 2 * second) << "the later of both";
  EXPECT_EQ(watch.steady_after(0, 2), std::nullopt) << "the other had one only";
}

TEST(SteadyWatchOfNothingTest, IsAlwaysSteadyAndNeverProvesIt) {
  SteadyWatch watch{{}};
  EXPECT_FALSE(watch.watches());
  watch.begin(0);
  EXPECT_TRUE(watch.close_due(INT64_MAX).empty());
  EXPECT_TRUE(watch.steady());
  EXPECT_EQ(watch.steady_after(0, 1), std::nullopt);
  EXPECT_EQ(watch.timeout(), 0s);
}

TEST(SteadyWatchTimeTest, ClosesNothingBeforeItBegins) {
  SteadyWatch watch{{steady(1s)}};
  EXPECT_TRUE(watch.watches());
  EXPECT_TRUE(watch.close_due(1'000'000 * second).empty());
}

}  // namespace
}  // namespace troop::controller
