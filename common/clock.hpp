// The two clocks that evidence is stamped with.
#pragma once

#include <chrono>
#include <cstdint>
#include <ctime>
#include <string>

namespace troop {

using Duration = std::chrono::nanoseconds;

/// Nanoseconds of CLOCK_MONOTONIC. The same for all processes of one host; survives no reboot.
inline std::int64_t monotonic_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

/// Nanoseconds since 1970, for people and for correlation with others' logs; never used to order events.
inline std::int64_t wall_ns() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

/// This boot of this host (/proc/sys/kernel/random/boot_id).
std::string boot_id();

/// Which CLOCK_MONOTONIC this process reads: boot and time namespace. Where two processes have the same, so are their
/// times.
std::string clock_source();

}  // namespace troop
