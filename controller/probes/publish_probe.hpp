// amqp.publish: the steady state seen through the workload's own publishes; opens no connection.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "agents/protocol/record.hpp"
#include "common/clock.hpp"
#include "scenarios/model/scenario.hpp"

namespace troop::controller {

/// One window of a probe, judged.
struct Measurement {
  bool good = false;
  std::map<std::string, double, std::less<>>
      values;       ///< "success" (ratio), "p50" and "p99" (seconds); only what could be measured.
  std::string why;  ///< Which bound did not admit it; empty if good.
};

/// Pure: records and times in, measurements out.
///
/// success = confirmed / (confirmed + failed + unknown + overdue). A publish is overdue when it has waited for longer
/// than one interval at the window's end, so that an outage without any completion is bad, not empty. Latencies count
/// from the planned time (open loop); those of overdue publishes count with their age.
class PublishProbe {
 public:
  explicit PublishProbe(model::SteadyState wanted) : wanted_(std::move(wanted)) {}

  void observe(std::uint16_t worker, const protocol::Record& record);
  /// Ends the window at `now` (CLOCK_MONOTONIC, ns) and starts the next one.
  Measurement close_window(std::int64_t now);
  [[nodiscard]] const model::SteadyState& wanted() const { return wanted_; }

 private:
  model::SteadyState wanted_;
  std::unordered_map<std::uint64_t, std::int64_t> outstanding_;  ///< By worker and op: the planned time.
  std::vector<std::int64_t> latencies_;                          ///< Of this window's confirms, ns.
  std::int64_t bad_ = 0;                                         ///< Failed or unknown in this window.
};

}  // namespace troop::controller
