// Seeded randomness: every random choice of a run comes from its seed, so that the run can be replayed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace troop {

/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014). Same values everywhere,
/// which the distributions of <random> do not promise.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  /// A stream of its own for `purpose`, so that one more choice in one place changes no other place.
  Random(std::uint64_t seed, std::string_view purpose);

  std::uint64_t next();
  /// Uniform in [0, bound); bound > 0.
  std::uint64_t below(std::uint64_t bound);
  /// Uniform in [0, 1).
  double unit();

 private:
  std::uint64_t state_;
};

/// A seed that nobody chose, from the kernel.
std::uint64_t fresh_seed();

/// `bytes` random bytes from the kernel, as lower-case hexadecimal: for passwords and names that must not collide.
std::string random_hex(std::size_t bytes);

}  // namespace troop
