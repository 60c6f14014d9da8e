#include "reports/invariants/judge.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "reports/history/reader.hpp"
#include "reports/invariants/invariant.hpp"
#include "reports/invariants/table.hpp"

namespace troop::invariants {
namespace {

Result<std::unique_ptr<Invariant>> make(const model::InvariantSpec& spec) {
  for (const auto& [entry, maker] : table()) {
    if (entry.kind != spec.kind) continue;
    for (const auto& expected : spec.expect) {
      if (std::find(entry.anomalies.begin(), entry.anomalies.end(), expected) == entry.anomalies.end()) {
        return usage_error(fmt::format("invariant '{}': it knows no anomaly '{}' to expect", spec.kind, expected));
      }
    }
    return maker(spec);
  }
  return usage_error(fmt::format("there is no invariant '{}'", spec.kind));
}

/// "within = 10s, windows = 3"
std::string claim_of(const model::InvariantSpec& spec) {
  std::string claim;
  for (const auto& [name, value] : spec.parameters) {
    claim += fmt::format("{}{} = {}", claim.empty() ? "" : ", ", name, model::to_text(value));
  }
  return claim;
}

Result<Judged> judge_events(history::Reader reader, std::span<const model::InvariantSpec> specs, bool control = false) {
  std::vector<std::unique_ptr<Invariant>> invariants;
  std::vector<std::string> claims;
  std::unique_ptr<Invariant> exercised;
  std::string exercised_claim;
  for (const auto& spec : specs) {
    BOOST_OUTCOME_TRY(auto invariant, make(spec));
    if (spec.kind == "exercised") {
      exercised = std::move(invariant);
      exercised_claim = claim_of(spec);
    } else {
      invariants.push_back(std::move(invariant));
      claims.push_back(claim_of(spec));
    }
  }

  Evidence evidence;
  evidence.control = control;
  while (true) {
    BOOST_OUTCOME_TRY(const history::Event* const event, reader.next());
    if (event == nullptr) break;
    if (event->index >= std::int64_t{none}) return usage_error("a history of more than 4 billion events");
    const Delivery delivery = evidence.ledger.observe(*event);
    if (evidence.clocks.apart() > 0) evidence.faults.pass(*event, evidence.ledger.published());
    if (event->f == history::Subject::fault) {
      evidence.faults.observe(*event, evidence.ledger.published(), evidence.ledger.in_flight(event->target));
    } else if (event->f == history::Subject::run) {
      evidence.run.observe(*event);
    } else if (event->f == history::Subject::clock) {
      evidence.clocks.observe(*event);
      evidence.faults.set_apart(evidence.clocks.apart());
    } else if (event->f == history::Subject::publish && event->type == history::Type::invoke && event->attempt <= 1) {
      evidence.faults.observe_publish(event->intended >= 0 ? event->intended : event->time);
    }
    if (event->f != history::Subject::fault && event->f != history::Subject::run && evidence.faults.starting()) {
      evidence.faults.observe_flight(event->time,
                                     [&](const std::string& target) { return evidence.ledger.in_flight(target); });
    }
    for (const auto& invariant : invariants) invariant->observe(*event, delivery, evidence);
  }
  evidence.faults.finish(evidence.ledger.published());
  evidence.ledger.resolve_routes(evidence.run);
  if (!exercised && evidence.run.started) {
    BOOST_OUTCOME_TRY(exercised, make_exercised({.kind = "exercised", .expect = {}, .parameters = {}}));
  }
  if (exercised) {
    invariants.push_back(std::move(exercised));
    claims.push_back(std::move(exercised_claim));
  }

  Judged judged;
  judged.events = reader.events();
  judged.complete = reader.complete();
  judged.warnings = reader.warnings();
  if (const auto apart = evidence.clocks.apart(); apart > 0) {
    judged.warnings.push_back(fmt::format("the clocks of its processes may be {} apart: what is closer has no order",
                                          apart < Clocks::unknown ? model::to_text(Duration{apart}) : "any time"));
  }
  for (std::size_t i = 0; i < invariants.size(); ++i) {
    judged.invariants.push_back(invariants[i]->conclude(evidence, judged.complete));
    judged.invariants.back().claim = std::move(claims[i]);
    if (!judged.complete) {
      raise(judged.invariants.back(), Outcome::unknown,
            judged.events == 0 ? "the history is empty" : "the history was cut short");
    }
  }
  if (judged.events == 0) {
    judged.warnings.emplace_back("the history is empty: nothing was judged");
  } else if (!judged.complete && judged.warnings.empty()) {
    judged.warnings.emplace_back("the history was cut short: it has a run start and no run stop");
  }
  judged.scenario = evidence.run.scenario;
  judged.verdict = verdict_of(judged);
  return judged;
}

}  // namespace

void raise(Judgement& judgement, Outcome outcome, std::string reason) {
  judgement.outcome = std::max(judgement.outcome, outcome);
  judgement.reasons.push_back(std::move(reason));
}

Verdict verdict_of(const Judged& judged) {
  Verdict verdict = judged.complete ? Verdict::pass : Verdict::inconclusive;
  for (const auto& judgement : judged.invariants) {
    if (judgement.outcome == Outcome::violated) return Verdict::fail;
    if (judgement.outcome == Outcome::unknown) verdict = Verdict::inconclusive;
  }
  return verdict;
}

Result<Judged> judge(const std::filesystem::path& history, std::span<const model::InvariantSpec> specs) {
  BOOST_OUTCOME_TRY(auto reader, history::Reader::open(history));
  return judge_events(std::move(reader), specs);
}

Result<Judged> judge_without_faults(const std::filesystem::path& history, std::span<const model::InvariantSpec> specs) {
  BOOST_OUTCOME_TRY(auto reader, history::Reader::open(history));
  return judge_events(std::move(reader), specs, true);
}

Result<Judged> judge_text(std::string_view text, std::span<const model::InvariantSpec> specs, std::string_view name) {
  return judge_events(history::Reader::over(text, std::string{name}), specs);
}

}  // namespace troop::invariants
