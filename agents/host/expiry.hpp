// When something ends that the kernel keeps only for a while unless it is renewed.
#pragma once

#include <ctime>

#include "common/clock.hpp"

namespace troop::agents {

/// Goes on while the machine sleeps.
inline std::int64_t boottime_ns() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

class Expiry {
 public:
  /// The kernel's timeouts may be early by a tick: what is to be renewed is over a little before.
  static constexpr Duration tick_max = std::chrono::milliseconds{20};

  explicit Expiry(Duration timeout) : timeout_(timeout) {}
  /// `asked`: boottime_ns() before the kernel was asked for it.
  void renewed(std::int64_t asked) { ends_at_ = asked + (timeout_ - tick_max).count(); }
  [[nodiscard]] bool is_over(std::int64_t now) const { return now >= ends_at_; }

 private:
  Duration timeout_;
  std::int64_t ends_at_ = 0;
};

}  // namespace troop::agents
