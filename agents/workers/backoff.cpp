#include "agents/workers/backoff.hpp"

#include <algorithm>
#include <cmath>

namespace troop::agents {

Duration Backoff::next() {
  const double grown =
      static_cast<double>(retry_.initial.count()) * std::pow(retry_.multiplier, static_cast<double>(failures_));
  ++failures_;
  const double bounded = std::min(grown, static_cast<double>(retry_.max.count()));
  const double factor = 1.0 - retry_.jitter + 2.0 * retry_.jitter * random_.unit();
  return Duration{static_cast<std::int64_t>(bounded * factor)};
}

}  // namespace troop::agents
