// Anomalies as they are found: counted in full, listed up to a cap, attributed to faults, weighed against `expect`.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "reports/invariants/faults.hpp"
#include "reports/invariants/verdict.hpp"

namespace troop::invariants {

struct Evidence;

/// Listed anomalies of each kind, at most.
inline constexpr std::int64_t listed_max = 100;

class Findings {
 public:
  /// `violating`: the kinds that break the claim; `expected`: the kinds that must show. Others are counted, not listed.
  /// In a run that plans no fault, its own settings are on trial: an expected anomaly may show at any time. In a
  /// control nothing is expected, and what would be violates.
  Findings(const Evidence& evidence, std::vector<std::string> violating, std::vector<std::string> expected);

  /// `witnesses` may hold -1 for what is not there. It is attributed to the faults in force from event `first` to
  /// `last`.
  void add(std::string_view kind, std::string_view id, std::vector<std::int64_t> witnesses, std::int64_t first,
           std::int64_t last);

  [[nodiscard]] std::int64_t count(std::string_view kind) const;

  /// Moves the anomalies into `judgement` and raises its outcome. An expected kind that did not show violates, if the
  /// evidence is `settled`: complete and drained; else it is unknown.
  void conclude(Judgement& judgement, bool settled);

 private:
  struct Kind {
    std::string name;
    std::int64_t total = 0;
    std::int64_t attributed = 0;
    std::int64_t unclear = 0;  ///< Perhaps a fault's: the clocks are too far apart to tell.
    std::vector<Anomaly> listed;
  };
  Kind& kind(std::string_view name);

  const Faults& faults_;
  bool any_time_;
  std::vector<std::string> violating_;
  std::vector<std::string> expected_;
  std::vector<Kind> kinds_;
};

}  // namespace troop::invariants
