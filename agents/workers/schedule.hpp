// When a producer's messages are due, fixed in advance: an outage or a slow reply does not thin the load out, and
// cannot hide behind a client that politely waits ("coordinated omission").
#pragma once

#include <cstdint>
#include <vector>

#include "common/ids.hpp"
#include "scenarios/model/scenario.hpp"

namespace troop::agents {

/// Message k is due when the rate, summed up over time from the start, reaches k + phase.
class OpenLoopSchedule {
 public:
  /// `rate` > 0 in messages per second; `phase` in [0, 1) spreads several producers over one period.
  OpenLoopSchedule(std::int64_t start_ns, double rate, double phase) : pieces_{{start_ns, rate, 0, 0}}, phase_(phase) {}

  /// From now on the rate changes as said, times `share`, from `began_ns` on. Call once.
  void follow(const std::vector<model::RateChange>& changes, double share, std::int64_t began_ns);

  static constexpr std::int64_t never = INT64_MAX;
  /// When the next message is due, ns of the clock of `start_ns`; never, if the rate stays 0. From k, not from the last
  /// message: errors do not add up.
  [[nodiscard]] std::int64_t due_ns() const;
  void advance();

 private:
  /// From `from_ns` to the next piece's.
  struct Piece {
    std::int64_t from_ns = 0;
    double rate = 0;    ///< At its beginning, per second.
    double slope = 0;   ///< Per second and second.
    double before = 0;  ///< Messages planned before it, as the sum of the rate.
  };
  static double seconds_between(std::int64_t from_ns, std::int64_t to_ns) {
    return static_cast<double>(to_ns - from_ns) * 1e-9;
  }
  void add(std::int64_t from_ns, double rate, double slope);

  std::vector<Piece> pieces_;
  std::size_t piece_ = 0;
  double phase_;
  std::uint64_t k_ = 0;
};

/// Hands out the keys of one producer, round after round, each round in a new seeded order: every key is used equally
/// often, and no fixed neighbourhood of keys hides a fault of ordering.
class KeyCycle {
 public:
  KeyCycle(std::vector<std::uint32_t> keys, Random random) : keys_(std::move(keys)), random_(random) {}

  std::uint32_t next() {
    if (position_ == 0) shuffle();
    const std::uint32_t key = keys_[position_];
    position_ = (position_ + 1) % keys_.size();
    return key;
  }

 private:
  void shuffle() {
    for (std::size_t i = keys_.size() - 1; i > 0; --i) std::swap(keys_[i], keys_[random_.below(i + 1)]);
  }

  std::vector<std::uint32_t> keys_;
  Random random_;
  std::size_t position_ = 0;
};

}  // namespace troop::agents
