#include "reports/invariants/control.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "reports/invariants/invariant.hpp"
#include "reports/invariants/judge.hpp"

namespace troop::invariants {
namespace {

bool is_about_faults(std::string_view kind) { return kind == "recovery"; }

bool shows(const Judgement& judgement, std::string_view kind) {
  return std::any_of(judgement.anomalies.begin(), judgement.anomalies.end(),
                     [&](const Anomaly& anomaly) { return anomaly.kind == kind; });
}

std::int64_t count_of(const Judgement& judgement, std::string_view name) {
  for (const auto& [known, count] : judgement.counts) {
    if (known == name) return count;
  }
  return 0;
}

void weigh(Judgement& judgement, const model::InvariantSpec& spec, const Judgement& control) {
  for (auto& anomaly : judgement.anomalies) {
    if (shows(control, anomaly.kind)) anomaly.during.clear();
  }
  for (const auto& kind : spec.expect) {
    if (!shows(control, kind)) continue;
    raise(judgement, Outcome::violated,
          fmt::format("'{}' is expected of faults, and shows in the control, without any, as well", kind));
  }
}

Judgement judgement_of(const Judged& control) {
  Judgement out;
  out.kind = "control";
  out.outcome = Outcome::holds;
  std::int64_t violated = 0, unknown = 0;
  for (const auto& judgement : control.invariants) {
    if (judgement.outcome == Outcome::holds) continue;
    ++(judgement.outcome == Outcome::violated ? violated : unknown);
    for (const auto& reason : judgement.reasons) {
      raise(out, judgement.outcome, fmt::format("{}, without any fault: {}", judgement.kind, reason));
    }
  }
  if (!control.complete) raise(out, Outcome::unknown, "its history was cut short");
  out.counts = {{"events", control.events},
                {"invariants", static_cast<std::int64_t>(control.invariants.size())},
                {"violated", violated},
                {"unknown", unknown}};
  return out;
}

}  // namespace

std::vector<model::InvariantSpec> control_claims(std::span<const model::InvariantSpec> specs) {
  std::vector<model::InvariantSpec> claims;
  for (const auto& spec : specs) {
    if (is_about_faults(spec.kind)) continue;
    claims.push_back(spec);
  }
  return claims;
}

Result<Judged> judge_control(const std::filesystem::path& history, std::span<const model::InvariantSpec> specs) {
  BOOST_OUTCOME_TRY(auto judged, judge_without_faults(history, control_claims(specs)));
  // Added by itself where there is a run start, it knows of every fault that was planned or played.
  const bool tells = !judged.invariants.empty() && judged.invariants.back().kind == "exercised";
  if (!tells) return usage_error(history.string() + " has no run start; a control is the history of a whole run");
  const auto& exercised = judged.invariants.back();
  if (count_of(exercised, "planned") > 0 || count_of(exercised, "faults") > 0) {
    return usage_error(history.string() + " has faults in it; a control is a run without them");
  }
  return judged;
}

void weigh(Judged& judged, std::span<const model::InvariantSpec> specs, const Judged& control) {
  std::size_t at = 0, there = 0;
  for (const auto& spec : specs) {
    if (spec.kind == "exercised") continue;
    if (!is_about_faults(spec.kind)) weigh(judged.invariants.at(at), spec, control.invariants.at(there++));
    ++at;
  }
  auto judgement = judgement_of(control);
  if (!judged.scenario.empty() && control.scenario != judged.scenario) {
    raise(judgement, Outcome::unknown, fmt::format("it is of another scenario: '{}'", control.scenario));
  }
  const bool ends_exercised = !judged.invariants.empty() && judged.invariants.back().kind == "exercised";
  judged.invariants.insert(judged.invariants.end() - (ends_exercised ? 1 : 0), std::move(judgement));
  judged.verdict = verdict_of(judged);
}

}  // namespace troop::invariants
