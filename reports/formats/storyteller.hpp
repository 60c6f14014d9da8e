// Tells what happened to the messages of the listed anomalies: their events in order, with what was going on around
// them.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "reports/formats/run_document.hpp"
#include "reports/history/event.hpp"

namespace troop::formats {

/// What one event means, in one short sentence: "producer-1 publishes p1-17 (attempt 1)".
std::string sentence(const history::Event& event);

class Storyteller {
 public:
  explicit Storyteller(const invariants::Judged& judged);
  void observe(const history::Event& event);
  /// Call once, after the last event.
  std::vector<Story> finish();

 private:
  struct Told {
    std::int64_t index = 0;
    Duration at{0};
    std::string process;
    std::string text;
  };
  /// The beginning and the end of what happened to one message; a message in an endless loop must not fill the memory.
  struct Thread {
    std::vector<Told> head;
    std::deque<Told> tail;
    std::int64_t left_out = 0;
    std::vector<std::string> queues;
    void add(Told told);
  };
  struct Window {
    std::string name;
    std::string target;
    Told start;
    std::int64_t end = INT64_MAX;
  };

  void settle(const history::Event& event);
  std::vector<Told> around(const Thread& thread, const invariants::Anomaly& anomaly) const;
  std::vector<StoryLine> tell(const invariants::Anomaly& anomaly) const;

  const invariants::Judged& judged_;
  std::unordered_map<std::string, Thread> threads_;                        ///< By message id.
  std::map<std::pair<std::string, std::int64_t>, std::string> unsettled_;  ///< (channel, tag) → message id.
  std::map<std::int64_t, Told> witnesses_;                                 ///< By event index; text empty until seen.
  std::vector<Told> faults_;
  std::vector<Window> windows_;
  std::vector<Told> connections_;
  std::vector<std::pair<std::string, Told>> drains_;  ///< By queue.
};

}  // namespace troop::formats
