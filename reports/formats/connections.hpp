// How many of the workers' connections were open, and how many of them blocked, second by second.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "reports/formats/run_document.hpp"
#include "reports/history/event.hpp"

namespace troop::formats {

/// The worst of each second is kept, so that a connection that was lost and back within one second still shows.
class Connections {
 public:
  void observe(const history::Event& event);
  /// Call once, after the last event: fills in the points of a series whose seconds ascend without gaps. Leaves them
  /// alone where the history tells of no connection.
  void finish(std::vector<SeriesPoint>& series);

 private:
  enum class State : std::uint8_t { down, open, blocked };
  struct Second {
    std::int64_t fewest_open = 0;
    std::int64_t most_blocked = 0;
    std::int64_t open_after = 0;
    std::int64_t blocked_after = 0;
  };

  void change(std::string_view process, State state, std::int64_t second);

  std::map<std::string, State, std::less<>> states_;  ///< By process.
  std::map<std::int64_t, Second> seconds_;            ///< Those in which something changed.
  std::int64_t open_ = 0;
  std::int64_t blocked_ = 0;
};

}  // namespace troop::formats
