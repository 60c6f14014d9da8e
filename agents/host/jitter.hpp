// How far delays are from their mean: the distributions that packets are held with, here and by the kernel's netem.
#pragma once

#include <cstdint>
#include <vector>

#include "common/clock.hpp"
#include "common/ids.hpp"

namespace troop::agents {

enum class Spread { uniform, normal, pareto };

struct Jitter {
  Duration size{};  ///< uniform: at most so far from the mean; normal, pareto: the standard deviation.
  Spread spread = Spread::uniform;
  double correlation = 0;  ///< Percent, from 0 to below 100: of each packet's with that of the packet before.
};

/// No further from the mean than that many times the jitter.
constexpr double jitters_max = 10;
/// The longest that a packet can be held: with that jitter, around that mean.
Duration longest(Duration mean, const Jitter& jitter);

/// The deviations of one packet after the other, of mean 0.
class Deviations {
 public:
  Deviations(const Jitter& jitter, std::uint64_t seed) : jitter_(jitter), random_(seed) {}
  Duration next();

 private:
  double independent();
  double correlated();

  Jitter jitter_;
  Random random_;
  double last_ = 0;
  bool first_ = true;
};

/// The same distribution as netem takes it (tc-netem(8), "distribution"): its quantiles, in ascending order, in 8192nds
/// of a jitter. They fit 16 bits, so that the tail of pareto ends at four jitters. Empty for uniform, which netem knows
/// by itself.
std::vector<std::int16_t> netem_distribution(Spread spread);

}  // namespace troop::agents
