#include "agents/host/jitter.hpp"

#include <linux/pkt_sched.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace troop::agents {
namespace {

constexpr std::size_t quantiles = 4096;  // as many as the tables that come with tc have

/// Box and Muller, "A Note on the Generation of Random Normal Deviates", 1958.
double normal(Random& random) {
  const double unit = random.unit();
  return std::sqrt(-2 * std::log(1 - unit)) * std::cos(2 * std::numbers::pi * random.unit());
}

/// What share of a standard normal distribution is greater than that.
double share_beyond(double deviation) { return std::erfc(deviation / std::numbers::sqrt2) / 2; }

/// Of shape 3 and scale 1 (mean 3/2, variance 3/4), brought to mean 0 and standard deviation 1. `beyond`: the share
/// that is greater.
double pareto(double beyond) { return (std::pow(beyond, -1.0 / 3) - 1.5) / std::sqrt(0.75); }

/// The deviation that such a share is beyond, by halving: what is beyond falls all the way.
double normal_quantile(double beyond) {
  double low = -jitters_max, high = jitters_max;
  while (high - low > 1e-6) {
    const double middle = (low + high) / 2;
    (share_beyond(middle) > beyond ? low : high) = middle;
  }
  return low;
}

}  // namespace

Duration longest(Duration mean, const Jitter& jitter) {
  return mean + (jitter.spread == Spread::uniform ? jitter.size : jitter.size * static_cast<int>(jitters_max));
}

/// Of standard deviation 1, but for uniform, which is within [-1, 1).
double Deviations::independent() {
  switch (jitter_.spread) {
    case Spread::uniform:
      return 2 * random_.unit() - 1;
    case Spread::normal:
      return normal(random_);
    case Spread::pareto:
      return pareto(1 - random_.unit());
  }
  return 0;
}

/// Normal deviations that depend on those before them (an autoregressive process), each then brought to the
/// distribution that was asked for: that stays the same, whatever the correlation.
double Deviations::correlated() {
  const double share = first_ ? 0 : jitter_.correlation / 100;
  first_ = false;
  last_ = share * last_ + std::sqrt(1 - share * share) * normal(random_);
  switch (jitter_.spread) {
    case Spread::uniform:
      return 1 - 2 * share_beyond(last_);
    case Spread::normal:
      return last_;
    case Spread::pareto:
      return pareto(share_beyond(last_));
  }
  return 0;
}

Duration Deviations::next() {
  if (jitter_.size == Duration{0}) return Duration{0};
  const double jitters = std::min(jitter_.correlation > 0 ? correlated() : independent(), jitters_max);
  return Duration{std::llround(static_cast<double>(jitter_.size.count()) * jitters)};
}

std::vector<std::int16_t> netem_distribution(Spread spread) {
  std::vector<std::int16_t> table;
  if (spread == Spread::uniform) return table;
  table.reserve(quantiles);
  for (std::size_t i = 0; i < quantiles; ++i) {
    const double beyond = 1 - (static_cast<double>(i) + 0.5) / quantiles;  // each stands for the middle of its share
    const double deviation = spread == Spread::normal ? normal_quantile(beyond) : pareto(beyond);
    const auto scaled = std::clamp<long>(std::lround(deviation * NETEM_DIST_SCALE), INT16_MIN, INT16_MAX);
    table.push_back(static_cast<std::int16_t>(scaled));
  }
  return table;
}

}  // namespace troop::agents
