// How far the clocks of a run's processes may be apart: closer together, two events of different processes have no
// order.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "reports/history/event.hpp"

namespace troop::invariants {

class Clocks {
 public:
  /// More than any run lasts: a process whose bound cannot be read.
  static constexpr std::int64_t unknown = std::int64_t{1} << 60;

  /// Takes in a `clock` event. Anything but a bound from 0 on counts as unknown.
  void observe(const history::Event& event);
  /// Nanoseconds: the sum of the two greatest bounds. 0 where all processes share a clock, or say nothing of theirs.
  [[nodiscard]] std::int64_t apart() const { return apart_; }

 private:
  std::map<std::string, std::int64_t, std::less<>> bounds_;
  std::int64_t apart_ = 0;
};

}  // namespace troop::invariants
