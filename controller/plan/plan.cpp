#include "controller/plan/plan.hpp"

#include <fmt/format.h>

#include <algorithm>

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

}  // namespace

Plan make_plan(const model::Scenario& scenario, const model::Catalogue& catalogue, std::uint64_t seed) {
  Plan plan{.seed = seed, .steps = {}};
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
  }
  return plan;
}

}  // namespace troop::controller
