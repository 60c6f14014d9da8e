// How long to pause between attempts: exponential, bounded, and spread by a random factor, so that many clients of a
// recovered server do not come back at the same moment.
#pragma once

#include "common/clock.hpp"
#include "common/ids.hpp"
#include "scenarios/model/scenario.hpp"

namespace troop::agents {

/// pause(n) = min(initial · multiplier^n, max) · u, u uniform in [1 - jitter, 1 + jitter]; n = 0, 1, … since reset().
class Backoff {
 public:
  Backoff(const model::Retry& retry, Random random) : retry_(retry), random_(random) {}

  /// The pause before the next attempt.
  Duration next();
  /// After a success, or when counting begins anew.
  void reset() { failures_ = 0; }
  /// Pauses handed out since reset(): failures in a row.
  [[nodiscard]] std::int64_t failures() const { return failures_; }
  /// As many failures in a row as the retry policy allows attempts.
  [[nodiscard]] bool exhausted() const { return failures_ >= retry_.attempts; }

 private:
  model::Retry retry_;
  Random random_;
  std::int64_t failures_ = 0;
};

}  // namespace troop::agents
