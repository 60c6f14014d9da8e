#include "reports/invariants/findings.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "reports/invariants/invariant.hpp"

namespace troop::invariants {
namespace {

bool holds(const std::vector<std::string>& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

}  // namespace

Findings::Findings(const Evidence& evidence, std::vector<std::string> violating, std::vector<std::string> expected)
    : faults_(evidence.faults),
      any_time_(evidence.run.started && evidence.run.steps.empty() && evidence.faults.windows().empty()),
      violating_(std::move(violating)),
      expected_(std::move(expected)) {
  if (!evidence.control) return;
  for (auto& kind : expected_) {
    if (!holds(violating_, kind)) violating_.push_back(std::move(kind));
  }
  expected_.clear();
}

Findings::Kind& Findings::kind(std::string_view name) {
  for (auto& known : kinds_) {
    if (known.name == name) return known;
  }
  return kinds_.emplace_back(Kind{.name = std::string{name}, .listed = {}});
}

void Findings::add(std::string_view name, std::string_view id, std::vector<std::int64_t> witnesses, std::int64_t first,
                   std::int64_t last) {
  Kind& found = kind(name);
  ++found.total;
  if (!holds(violating_, name) && !holds(expected_, name)) return;
  if (any_time_ || faults_.overlap(first, last))
    ++found.attributed;
  else if (faults_.may_overlap(first, last))
    ++found.unclear;
  if (static_cast<std::int64_t>(found.listed.size()) >= listed_max) return;
  std::erase(witnesses, -1);
  std::sort(witnesses.begin(), witnesses.end());
  witnesses.erase(std::unique(witnesses.begin(), witnesses.end()), witnesses.end());
  found.listed.push_back({std::string{name}, std::string{id}, std::move(witnesses), faults_.names(first, last)});
}

std::int64_t Findings::count(std::string_view name) const {
  for (const auto& known : kinds_) {
    if (known.name == name) return known.total;
  }
  return 0;
}

void Findings::conclude(Judgement& judgement, bool settled) {
  for (const auto& name : violating_) {
    const Kind& found = kind(name);
    const bool expected = holds(expected_, name);
    const std::int64_t violating = expected ? found.total - found.attributed - found.unclear : found.total;
    if (violating == 0) continue;
    raise(judgement, Outcome::violated,
          expected
              ? fmt::format("{} {} outside any fault, where '{}' is expected of faults only", violating, name, name)
              : fmt::format("{} {}", violating, name));
  }
  for (const auto& name : expected_) {
    const Kind& found = kind(name);
    if (found.unclear > 0) {
      raise(judgement, Outcome::unknown,
            fmt::format("{} {} perhaps outside any fault: clocks may be {} apart", found.unclear, name,
                        model::to_text(Duration{faults_.apart()})));
    }
    if (found.attributed > 0 || found.unclear > 0) continue;
    if (settled)
      raise(judgement, Outcome::violated, fmt::format("expected '{}' did not show during any fault", name));
    else
      raise(judgement, Outcome::unknown, fmt::format("expected '{}' did not show, as far as the evidence goes", name));
  }
  for (auto& found : kinds_)
    std::move(found.listed.begin(), found.listed.end(), std::back_inserter(judgement.anomalies));
}

}  // namespace troop::invariants
