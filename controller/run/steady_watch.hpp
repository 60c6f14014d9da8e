// Watches the steady state through its probes: windows close on time, and say when it is reached and when it is back.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "controller/probes/publish_probe.hpp"
#include "scenarios/model/scenario.hpp"

namespace troop::controller {

/// Pure: records and times (CLOCK_MONOTONIC, ns) in.
class SteadyWatch {
 public:
  struct Closed {
    std::string probe;
    Measurement measured;
  };

  explicit SteadyWatch(const std::vector<model::SteadyState>& wanted);

  /// The first windows begin.
  void begin(std::int64_t now);
  void observe(std::uint16_t worker, std::span<const protocol::Record> records);
  /// Closes the windows that are due at `now`.
  std::vector<Closed> close_due(std::int64_t now);

  [[nodiscard]] bool watches() const { return !probes_.empty(); }
  /// The last window of every probe was good.
  [[nodiscard]] bool steady() const;
  /// The end of the first of `windows` consecutive good windows after `restored`, of the probe that came last; nothing
  /// while one of them has not had that many.
  [[nodiscard]] std::optional<std::int64_t> steady_after(std::int64_t restored, std::int64_t windows) const;
  /// The longest that a caller has to wait for the steady state, and the longest interval of a probe.
  [[nodiscard]] Duration timeout() const;
  [[nodiscard]] Duration interval() const;

 private:
  struct Window {
    std::int64_t end = 0;
    bool good = false;
  };
  struct Watched {
    PublishProbe probe;
    std::int64_t due = 0;
    std::vector<Window> windows;
  };
  std::vector<Watched> probes_;
};

}  // namespace troop::controller
