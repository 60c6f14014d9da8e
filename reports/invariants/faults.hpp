// When which fault was in force, as the history proves it.
#pragma once

#include <algorithm>
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
  Moment ended;                         ///< Proven over.
  bool refused = false;                 ///< It certainly never took effect.
  std::int64_t publishes_at_start = 0;  ///< Publishes invoked before `started`.
  std::int64_t publishes_inside = 0;    ///< Publishes invoked between `started` and `ended`, or the history's end,
                                        ///< and later ones that were meant to be in between.
  /// The most in flight for the target at any event from being asked for to being proven: it began in between.
  std::int64_t outstanding_at_start = 0;

  [[nodiscard]] bool starting() const { return start_asked && !started && !refused && !ended; }
  /// The first event of it.
  [[nodiscard]] std::int64_t begin() const { return start_asked ? start_asked.index : started.index; }
};

class Faults {
 public:
  /// Takes in a `fault` event; `published`: the publishes invoked so far; `outstanding`: what is in
  /// flight for its target.
  void observe(const history::Event& event, std::int64_t published, std::int64_t outstanding);
  /// Whether a fault was asked for that is neither proven nor refused yet.
  [[nodiscard]] bool starting() const { return starting_; }
  /// Between two `fault` events, while one is starting; `outstanding` gives what is in flight for a target.
  template <typename Outstanding>
  void observe_flight(const Outstanding& outstanding) {
    for (auto& window : windows_) {
      if (!window.starting()) continue;
      window.outstanding_at_start = std::max(window.outstanding_at_start, outstanding(window.target));
    }
  }
  /// A publish that was meant to begin at `intended` and begins now. Where publishing blocks, callers wait a fault out:
  /// what they meant to publish while it was in force is load that it met.
  void observe_publish(std::int64_t intended) {
    if (intended > latest_end_) return;
    for (auto& window : windows_) {
      const bool meant =
          window.started && window.ended && window.started.time <= intended && intended <= window.ended.time;
      if (meant) ++window.publishes_inside;
    }
  }
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
  bool starting_ = false;
  std::int64_t latest_end_ = -1;
};

}  // namespace troop::invariants
