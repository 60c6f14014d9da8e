// When which fault was in force, as the history proves it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
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

/// Nanoseconds from one time to another, at most what fits: times come from histories that anybody may have written.
inline std::int64_t between(std::int64_t from, std::int64_t to) {
  std::int64_t difference = 0;
  if (!__builtin_sub_overflow(to, from, &difference)) return difference;
  return to > from ? INT64_MAX : INT64_MIN;
}

struct FaultWindow {
  static constexpr std::int64_t never = INT64_MAX;

  std::string name;
  std::string target;
  Moment start_asked;
  Moment started;  ///< Proven in force.
  Moment stop_asked;
  Moment ended;                          ///< Proven over.
  bool refused = false;                  ///< It certainly never took effect.
  std::int64_t publishes_at_start = -1;  ///< Publishes invoked before it was surely in force; -1: it never was.
  std::int64_t publishes_inside = 0;     ///< Publishes invoked between `started` and `ended`, or the history's end,
                                         ///< and later ones that were meant to be in between.
  /// The most in flight for the target at any event from being asked for to being proven: it began in between.
  std::int64_t outstanding_at_start = 0;

  // Indexes of the events between which it was in force, from being asked for to its proven end. Where all processes
  // share a clock, "surely" and "perhaps" are the same.
  std::int64_t surely_from = never;
  std::int64_t surely_until = never;
  std::int64_t perhaps_from = 0;
  std::int64_t perhaps_until = never;

  [[nodiscard]] bool starting() const { return start_asked && !started && !refused && !ended; }
  /// The first event of it.
  [[nodiscard]] std::int64_t begin() const { return start_asked.index; }
};

class Faults {
 public:
  /// How far two processes' clocks may be apart, nanoseconds. What is known of faults so far is in doubt when it grows.
  void set_apart(std::int64_t apart);
  [[nodiscard]] std::int64_t apart() const { return apart_; }
  /// Every event, before it is observed, where clocks are apart; `published`: the publishes invoked before it.
  void pass(const history::Event& event, std::int64_t published);
  /// Takes in a `fault` event; `published`: the publishes invoked so far; `outstanding`: what is in
  /// flight for its target.
  void observe(const history::Event& event, std::int64_t published, std::int64_t outstanding);
  /// Whether a fault was asked for that is neither proven nor refused yet.
  [[nodiscard]] bool starting() const { return starting_; }
  /// At `time`, between two `fault` events, while one is starting; `outstanding` gives what is in flight for a target.
  template <typename Outstanding>
  void observe_flight(std::int64_t time, const Outstanding& outstanding) {
    for (auto& window : windows_) {
      if (window.starting()) see_flight(window, time, outstanding(window.target));
    }
  }
  /// A publish that was meant to begin at `intended` and begins now. Where publishing blocks, callers wait a fault out:
  /// what they meant to publish while it was in force is load that it met.
  void observe_publish(std::int64_t intended) {
    if (intended > latest_end_) return;
    for (auto& window : windows_) {
      const bool meant = window.started && window.ended && between(window.started.time, intended) >= apart_ &&
                         between(intended, window.ended.time) >= apart_;
      if (meant) ++window.publishes_inside;
    }
  }
  /// Call once after the last event.
  void finish(std::int64_t published);

  [[nodiscard]] const std::deque<FaultWindow>& windows() const { return windows_; }
  /// Whether a fault was in force, from being asked for to its proven end, at any event from `first` to `last`.
  [[nodiscard]] bool overlap(std::int64_t first, std::int64_t last) const;
  /// The same as far as the clocks can tell: it may have been.
  [[nodiscard]] bool may_overlap(std::int64_t first, std::int64_t last) const;
  /// The names of the faults that overlap, each once, in the order of their start.
  [[nodiscard]] std::vector<std::string> names(std::int64_t first, std::int64_t last) const;

 private:
  /// An event, and how much was published before it.
  struct Mark {
    std::int64_t time = 0;
    std::int64_t index = 0;
    std::int64_t published = 0;
  };
  /// In flight for a starting fault's target, each time that it was more than ever.
  struct Rise {
    const FaultWindow* window;
    std::int64_t time = 0;
    std::int64_t outstanding = 0;
  };

  FaultWindow* latest(const history::Event& event, bool (*wanted)(const FaultWindow&));
  void see_flight(FaultWindow& window, std::int64_t time, std::int64_t outstanding);
  void begin(FaultWindow& window, const Moment& now);
  void prove(FaultWindow& window, const Moment& now, std::int64_t published);
  void end(FaultWindow& window, const Moment& now, std::int64_t published);
  [[nodiscard]] Mark mark_before(const Moment& moment) const;

  std::deque<FaultWindow> windows_;
  bool starting_ = false;
  std::int64_t latest_end_ = -1;
  std::int64_t apart_ = 0;
  std::deque<Mark> marks_;  ///< The events of the last `apart_` nanoseconds, and the one before them.
  std::vector<Rise> rises_;
};

}  // namespace troop::invariants
