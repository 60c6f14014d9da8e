#include "agents/host/jitter.hpp"

#include <gmock/gmock.h>
#include <linux/pkt_sched.h>

#include <cmath>
#include <numeric>

namespace troop::agents {
namespace {

using namespace std::chrono_literals;

constexpr int samples = 100'000;

std::vector<double> deviations_ms(const Jitter& jitter, std::uint64_t seed) {
  Deviations deviations{jitter, seed};
  std::vector<double> all;
  for (int i = 0; i < samples; ++i) all.push_back(static_cast<double>(deviations.next().count()) / 1e6);
  return all;
}

double mean(const std::vector<double>& values) { return std::accumulate(values.begin(), values.end(), 0.0) / samples; }

double deviation(const std::vector<double>& values) {
  double squares = 0;
  for (const double value : values) squares += value * value;
  return std::sqrt(squares / samples);
}

/// Of each with the one before: Pearson's coefficient, of mean 0.
double correlation(const std::vector<double>& values) {
  double products = 0, squares = 0;
  for (std::size_t i = 1; i < values.size(); ++i) {
    products += values[i] * values[i - 1];
    squares += values[i] * values[i];
  }
  return products / squares;
}

struct Case {
  Spread spread;
  double deviation_ms, tolerance_ms;
};
// The tail of pareto is cut, and its variance comes from few.
const Case cases[] = {{Spread::uniform, 10 / std::sqrt(3.0), 0.1}, {Spread::normal, 10, 0.1}, {Spread::pareto, 10, 2}};

TEST(DeviationsTest, HaveTheMeanAndTheSpreadThatWereAskedFor) {
  for (const Case& c : cases) {
    for (const double percent : {0.0, 60.0}) {
      const auto all = deviations_ms({.size = 10ms, .spread = c.spread, .correlation = percent}, 7);
      EXPECT_NEAR(mean(all), 0, 0.3);
      EXPECT_NEAR(deviation(all), c.deviation_ms, c.tolerance_ms);
      for (const double value : all) ASSERT_LE(value, 100) << "ten jitters";
    }
  }
}

TEST(DeviationsTest, DependOnThoseBeforeThemAsFarAsWasAskedFor) {
  for (const Case& c : cases) {
    for (const double percent : {0.0, 25.0, 90.0}) {
      const auto all = deviations_ms({.size = 10ms, .spread = c.spread, .correlation = percent}, 7);
      // It is exact for normal; where a distribution is far from that, a little is lost.
      const double tolerance = c.spread == Spread::pareto ? 0.15 : 0.02;
      EXPECT_NEAR(correlation(all), percent / 100, tolerance) << static_cast<int>(c.spread) << ", " << percent;
    }
  }
}

TEST(DeviationsTest, AreTheSameForTheSameSeed) {
  for (const double percent : {0.0, 50.0}) {
    const Jitter jitter{.size = 20ms, .spread = Spread::normal, .correlation = percent};
    EXPECT_EQ(deviations_ms(jitter, 3), deviations_ms(jitter, 3));
    EXPECT_NE(deviations_ms(jitter, 3), deviations_ms(jitter, 4));
  }
  EXPECT_EQ(deviation(deviations_ms({}, 3)), 0) << "no jitter";
}

TEST(NetemDistributionTest, IsOfMean0AndDeviation1) {
  EXPECT_TRUE(netem_distribution(Spread::uniform).empty());
  for (const auto& [spread, least_deviation] : {std::pair{Spread::normal, 0.995}, std::pair{Spread::pareto, 0.7}}) {
    const auto table = netem_distribution(spread);
    EXPECT_TRUE(std::is_sorted(table.begin(), table.end()));
    EXPECT_LE(table.size(), static_cast<std::size_t>(NETEM_DIST_MAX));
    double sum = 0, squares = 0;
    for (const double entry : table) {
      sum += entry / NETEM_DIST_SCALE;
      squares += entry * entry / NETEM_DIST_SCALE / NETEM_DIST_SCALE;
    }
    const auto count = static_cast<double>(table.size());
    EXPECT_NEAR(sum / count, 0, 0.03);  // pareto's tail is cut at four jitters
    EXPECT_GT(std::sqrt(squares / count), least_deviation);
    EXPECT_LE(std::sqrt(squares / count), 1);
  }
}

/// Against the tables of the normal distribution and the formula of pareto's, of shape 3.
TEST(NetemDistributionTest, HasTheQuantiles) {
  const auto at = [](Spread spread, double share) {
    const auto table = netem_distribution(spread);
    return static_cast<double>(table[static_cast<std::size_t>(share * static_cast<double>(table.size()))]) /
           NETEM_DIST_SCALE;
  };
  EXPECT_NEAR(at(Spread::normal, 0.5), 0, 0.001);
  EXPECT_NEAR(at(Spread::normal, 0.9), 1.2816, 0.002);
  EXPECT_NEAR(at(Spread::normal, 0.0228), -2, 0.01);
  EXPECT_NEAR(at(Spread::pareto, 0.5), -0.2772, 0.002);
  EXPECT_NEAR(at(Spread::pareto, 0.9), 0.7555, 0.002);
  EXPECT_NEAR(at(Spread::pareto, 0.9999), 4, 0.001);
}

}  // namespace
}  // namespace troop::agents
