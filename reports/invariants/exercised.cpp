// A pass needs proof that something was tested. Never violated: a run that tested nothing is unknown, not wrong.
#include <fmt/format.h>

#include <algorithm>

#include "reports/invariants/invariant.hpp"

namespace troop::invariants {
namespace {

class ExercisedInvariant final : public Invariant {
 public:
  ExercisedInvariant(std::int64_t publishes, std::int64_t outstanding)
      : publishes_(publishes), outstanding_(outstanding) {}

  void observe(const history::Event&, const Delivery&, Evidence&) override {}  // the faults have it all
  Judgement conclude(const Evidence& evidence, bool complete) override;

 private:
  void judge(const FaultWindow& fault, Judgement& judgement) const;
  std::int64_t publishes_;
  std::int64_t outstanding_;
};

void ExercisedInvariant::judge(const FaultWindow& fault, Judgement& judgement) const {
  const auto who = fmt::format("{} on {}", fault.name, fault.target);
  if (!fault.started) {
    raise(judgement, Outcome::unknown, who + ": not proven that it took effect");
    return;
  }
  if (!fault.ended) raise(judgement, Outcome::unknown, who + ": not proven that it was undone");
  if (fault.publishes_inside < publishes_) {
    raise(judgement, Outcome::unknown,
          fmt::format("{}: {} publishes while it was in force, at least {} are needed", who, fault.publishes_inside,
                      publishes_));
  }
  if (fault.outstanding_at_start < outstanding_) {
    raise(judgement, Outcome::unknown,
          fmt::format("{}: {} publishes outstanding when it began, at least {} are needed", who,
                      fault.outstanding_at_start, outstanding_));
  }
}

/// How many of the planned faults were proven, each by a window of its own: the same fault on the same target.
std::int64_t planned_and_proven(const std::vector<PlannedFault>& steps, const std::deque<FaultWindow>& windows) {
  std::vector<bool> taken(windows.size(), false);
  std::int64_t found = 0;
  for (const auto& step : steps) {
    for (std::size_t i = 0; i < windows.size(); ++i) {
      const auto& window = windows[i];
      // A plan may say "consumer" where the fault met "consumer-2".
      const bool same = window.name == step.name && (step.target.empty() || window.target == step.target ||
                                                     window.target.starts_with(step.target + "-"));
      if (taken[i] || !same || !window.started) continue;
      taken[i] = true;
      ++found;
      break;
    }
  }
  return found;
}

Judgement ExercisedInvariant::conclude(const Evidence& evidence, bool) {
  const auto& windows = evidence.faults.windows();
  const auto& run = evidence.run;
  Judgement judgement;
  judgement.kind = "exercised";
  judgement.outcome = Outcome::holds;
  std::int64_t proven = 0, publishes_min = 0, outstanding_min = 0;
  for (const auto& fault : windows) {
    judge(fault, judgement);
    if (!fault.started) continue;
    publishes_min = proven == 0 ? fault.publishes_inside : std::min(publishes_min, fault.publishes_inside);
    outstanding_min = proven == 0 ? fault.outstanding_at_start : std::min(outstanding_min, fault.outstanding_at_start);
    ++proven;
  }
  const auto planned = static_cast<std::int64_t>(run.steps.size());
  const std::int64_t as_planned = planned_and_proven(run.steps, windows);
  if (as_planned < planned) {
    raise(judgement, Outcome::unknown, fmt::format("{} of {} planned faults took effect", as_planned, planned));
  }
  if (run.unreadable) raise(judgement, Outcome::unknown, "the run start does not say which faults were planned");
  if (run.stopped && !run.stop_reason.empty() && run.stop_reason != "completed") {
    raise(judgement, Outcome::unknown, "the run ended early: " + run.stop_reason);
  }
  if (evidence.ledger.published() == 0) raise(judgement, Outcome::unknown, "nothing was tested: no publish");
  judgement.counts = {{"planned", planned},
                      {"faults", static_cast<std::int64_t>(windows.size())},
                      {"proven", proven},
                      {"publishes_min", publishes_min},
                      {"outstanding_min", outstanding_min}};
  return judgement;
}

}  // namespace

Result<std::unique_ptr<Invariant>> make_exercised(const model::InvariantSpec& spec) {
  return std::unique_ptr<Invariant>{std::make_unique<ExercisedInvariant>(
      parameter<std::int64_t>(spec, "publishes", 100), parameter<std::int64_t>(spec, "outstanding", 1))};
}

}  // namespace troop::invariants
