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
  if (fault.stop_failed) raise(judgement, Outcome::unknown, who + ": not proven that it was undone");
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
  if (proven < planned) {
    raise(judgement, Outcome::unknown, fmt::format("{} of {} planned faults took effect", proven, planned));
  }
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
