#include "controller/plan/plan.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "common/ids.hpp"

namespace troop::controller {
namespace {

/// A group's victim is one of its workers; every other target is its own victim.
std::string choose_victim(const model::Scenario& scenario, std::string_view target, Random random) {
  const bool producer = target == "producer";
  if (!producer && target != "consumer") return std::string{target};
  const std::int64_t workers = producer ? scenario.workload.producers : scenario.workload.consumers;
  const auto number =
      static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(std::max<std::int64_t>(workers, 1)))) + 1;
  return producer ? model::producer_name(number) : model::consumer_name(number);
}

std::string_view sign(model::Bound::Op op) {
  switch (op) {
    case model::Bound::Op::less:
      return "<";
    case model::Bound::Op::less_equal:
      return "<=";
    case model::Bound::Op::greater:
      return ">";
    case model::Bound::Op::greater_equal:
      return ">=";
  }
  return "?";
}

/// "p99 < 500ms": limits are kept in seconds where the measure is a duration.
std::string bound_text(const model::ProbeSpec* probe, const std::string& name, const model::Bound& bound) {
  bool is_duration = false;
  for (const auto& measure : probe == nullptr ? std::vector<model::Parameter>{} : probe->measures) {
    is_duration |= measure.name == name && measure.type == model::ParameterType::duration;
  }
  const std::string limit =
      is_duration ? model::to_text(Duration{std::llround(bound.limit * 1e9)}) : fmt::format("{}", bound.limit);
  return fmt::format("{} {} {}", name, sign(bound.op), limit);
}

std::string steady_text(const model::SteadyState& steady, const model::Catalogue& catalogue) {
  const auto probe = std::ranges::find(catalogue.probes, steady.probe, &model::ProbeSpec::name);
  std::vector<std::string> bounds;
  for (const auto& [name, bound] : steady.tolerance) {
    bounds.push_back(bound_text(probe == catalogue.probes.end() ? nullptr : &*probe, name, bound));
  }
  return fmt::format("{} every {}: {}; waits up to {} for it", steady.probe, model::to_text(steady.interval),
                     fmt::join(bounds, ", "), model::to_text(steady.timeout));
}

}  // namespace

Plan make_plan(const model::Scenario& scenario, const model::Catalogue& catalogue, std::uint64_t seed) {
  Plan plan{.seed = seed, .steps = {}, .steady_state = {}};
  for (const auto& steady : scenario.steady_state) plan.steady_state.push_back(steady_text(steady, catalogue));
  for (const auto& step : scenario.steps) {
    const std::size_t number = plan.steps.size() + 1;
    const auto spec = std::ranges::find(catalogue.faults, step.fault, &model::FaultSpec::name);
    plan.steps.push_back({
        .number = number,
        .at = step.at,
        .spec = spec == catalogue.faults.end() ? model::FaultSpec{} : *spec,
        .fault = step.fault,
        .target = step.target,
        .victim = choose_victim(scenario, step.target, Random{seed, fmt::format("victim-{}", number)}),
        .period = step.period,
        .parameters = step.parameters,
    });
    const auto& attach = scenario.broker.attach;
    const std::string_view other = attach ? model::back_end(*attach, step.fault) : std::string_view{};
    if (!other.empty()) plan.steps.back().spec.back_end = other;
  }
  return plan;
}

}  // namespace troop::controller
