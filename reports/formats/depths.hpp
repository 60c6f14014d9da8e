// How many messages waited in each queue, second by second, computed from what was recorded:
//
//   entered  a publish that was confirmed; one whose outcome is unknown, once it is delivered; every publish where
//            nobody asks for confirms
//   left     a delivery that was acknowledged or refused for good, or that needs no acknowledgement; a message that
//            turned up as expired, pushed out or dead-lettered
//   depth    entered - left, at least 0
//
// No broker was asked: a message that the broker lost has entered and never leaves.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "reports/formats/run_document.hpp"
#include "reports/history/event.hpp"
#include "reports/invariants/run_info.hpp"

namespace troop::formats {

class Depths {
 public:
  /// Queues beyond the first seven share one line.
  static constexpr std::size_t queues_max = 8;

  void observe(const history::Event& event);
  /// Call once, after the last event: one value for each point of a series whose seconds ascend without gaps. Queues
  /// that no message entered are left out.
  std::vector<QueueDepth> finish(const std::vector<SeriesPoint>& series);

 private:
  using Index = std::size_t;
  struct Count {
    std::int64_t invoked = 0;
    std::int64_t entered = 0;
    std::int64_t delivered = 0;
    std::int64_t left = 0;
  };
  /// An attempt whose outcome is not final yet.
  struct Attempt {
    Index route = 0;
    bool entered = false;  ///< It was delivered before its confirm came.
  };
  struct Delivery {
    std::int64_t tag = 0;
    Index queue = 0;
  };

  void publish(const history::Event& event);
  void deliver(const history::Event& event);
  void settle(const history::Event& event);
  void enter(Index route);
  void turn_to(std::int64_t second);
  Index queue(std::string_view name);
  Index route(const history::Event& event);
  std::deque<Delivery>& channel(const history::Event& event);
  [[nodiscard]] std::int64_t depth(const Count& count) const;

  invariants::RunInfo run_;
  std::vector<std::string> names_;          ///< Of the queues, by index.
  std::vector<Count> counts_;               ///< Likewise.
  std::vector<std::vector<Index>> routes_;  ///< The queues that a publish goes to.
  std::map<std::string, Index, std::less<>> route_names_;
  std::string route_text_;
  std::unordered_map<std::uint64_t, Attempt> attempts_;  ///< By a hash of id and attempt.
  std::map<std::string, std::deque<Delivery>, std::less<>> channels_;
  std::string channel_text_;
  std::map<std::int64_t, std::vector<Count>> seconds_;  ///< At the end of each second in which something happened.
  std::int64_t second_ = -1;
  bool completed_ = false;     ///< Some publish has an outcome.
  bool acknowledged_ = false;  ///< Some delivery was settled.
};

}  // namespace troop::formats
