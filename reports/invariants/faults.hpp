// When which fault was in force, as the history proves it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "reports/history/event.hpp"

namespace troop::invariants {

/// An event's place in the history, or none.
struct Moment {
  std::int64_t index = -1;
  std::int64_t time = 0;
  bool has_time = false;
  explicit operator bool() const { return index >= 0; }
};

struct FaultWindow {
  std::string name;
  std::string target;
  Moment start_asked;
  Moment started;  ///< Proven in force.
  Moment stop_asked;
  Moment ended;                           ///< Proven over.
  bool refused = false;                   ///< It certainly never took effect.
  bool stop_failed = false;               ///< Asked to end, and that was not proven.
  std::int64_t publishes_at_start = 0;    ///< Publishes invoked before `started`.
  std::int64_t publishes_inside = 0;      ///< Publishes invoked between `started` and `ended`, or the history's end.
  std::int64_t outstanding_at_start = 0;  ///< In flight for the target when it was asked for or proven: the larger.

  /// The first event of it.
  [[nodiscard]] std::int64_t begin() const { return start_asked ? start_asked.index : started.index; }
};

class Faults {
 public:
  /// Takes in a `fault` event; `published`: the publishes invoked so far; `outstanding`: what is in
  /// flight for its target.
  void observe(const history::Event& event, std::int64_t published, std::int64_t outstanding);
  /// Call once after the last event.
  void finish(std::int64_t published);

  [[nodiscard]] const std::vector<FaultWindow>& windows() const { return windows_; }
  /// Whether a fault was in force, from being asked for to its proven end, at any event from `first` to `last`.
  [[nodiscard]] bool overlap(std::int64_t first, std::int64_t last) const;
  /// The names of those faults, each once, in the order of their start.
  [[nodiscard]] std::vector<std::string> names(std::int64_t first, std::int64_t last) const;

 private:
  FaultWindow* latest(const history::Event& event, bool (*wanted)(const FaultWindow&));
  std::vector<FaultWindow> windows_;
};

}  // namespace troop::invariants
