// When a producer's messages are due, fixed in advance: an outage or a slow reply does not thin the load out, and
// cannot hide behind a client that politely waits ("coordinated omission").
#pragma once

#include <cstdint>
#include <vector>

#include "common/ids.hpp"

namespace troop::agents {

/// Message k is due at start + (k + phase) / rate.
class OpenLoopSchedule {
 public:
  /// `rate` > 0 in messages per second; `phase` in [0, 1) spreads several producers over one period.
  OpenLoopSchedule(std::int64_t start_ns, double rate, double phase)
      : start_ns_(start_ns), rate_(rate), phase_(phase) {}

  /// When the next message is due, ns of the clock of `start_ns`. From k, not from the last message: errors do not add
  /// up.
  [[nodiscard]] std::int64_t due_ns() const {
    return start_ns_ + static_cast<std::int64_t>((static_cast<double>(k_) + phase_) / rate_ * 1e9);
  }
  void advance() { ++k_; }

 private:
  std::int64_t start_ns_;
  double rate_;
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
