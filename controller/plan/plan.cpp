#include "controller/plan/plan.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "common/ids.hpp"
#include "scenarios/model/groups.hpp"

namespace troop::controller {
namespace {

/// What a step comes to, in the order of its acts. A step is one act, unless it is composed of others.
struct Act {
  std::string_view fault;
  std::string victim;
  model::Parameters parameters;
  bool by_seed = false;
};

/// A group's victim is one of its workers; every other target is its own victim.
Act one_act(const model::Scenario& scenario, const model::Step& step, Random random) {
  const bool producer = step.target == "producer";
  if (!producer && step.target != "consumer") return {step.fault, step.target, step.parameters};
  const std::int64_t workers = producer ? scenario.workload.producers : scenario.workload.consumers;
  const auto number =
      static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(std::max<std::int64_t>(workers, 1)))) + 1;
  return {step.fault, producer ? model::producer_name(number) : model::consumer_name(number), step.parameters, true};
}

std::vector<Act> between_groups(const model::Scenario& scenario, const model::Step& step, Random random) {
  std::vector<Act> acts;
  auto cuts = model::cuts_of(scenario, step, random);
  for (auto& cut : cuts.value()) {
    Act act{step.fault, std::move(cut.host), step.parameters, model::is_by_seed(step)};
    std::erase_if(act.parameters, [](const auto& each) { return each.first == "groups" || each.first == "pairs"; });
    act.parameters["peers"] = std::move(cut.peers);
    acts.push_back(std::move(act));
  }
  return acts;
}

std::vector<Act> in_zone(const model::Scenario& scenario, const model::Step& step) {
  std::vector<Act> acts;
  for (auto& part : model::parts_in_zone(scenario, step.target)) {
    const bool is_node = part.starts_with("broker");
    acts.push_back({is_node ? "broker.kill" : "process.kill", std::move(part), {}});
    if (!is_node) acts.back().parameters["signal"] = std::string{"SIGKILL"};
  }
  return acts;
}

std::vector<Act> acts_of(const model::Scenario& scenario, const model::Step& step, Random random) {
  if (step.fault == "zone.down") return in_zone(scenario, step);
  if (step.target == model::hosts_target) return between_groups(scenario, step, random);
  return {one_act(scenario, step, random)};
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
  std::size_t written = 0;
  for (const auto& step : scenario.steps) {
    for (auto& act : acts_of(scenario, step, Random{seed, fmt::format("victim-{}", ++written)})) {
      const auto spec = std::ranges::find(catalogue.faults, act.fault, &model::FaultSpec::name);
      plan.steps.push_back({
          .number = plan.steps.size() + 1,
          .at = step.at,
          .spec = spec == catalogue.faults.end() ? model::FaultSpec{} : *spec,
          .fault = std::string{act.fault},
          .target = step.target,
          .victim = std::move(act.victim),
          .by_seed = act.by_seed,
          .period = step.period,
          .parameters = std::move(act.parameters),
      });
      const auto& attach = scenario.broker.attach;
      const std::string_view other = attach ? model::back_end(*attach, step.fault) : std::string_view{};
      if (!other.empty()) plan.steps.back().spec.back_end = other;
    }
  }
  return plan;
}

}  // namespace troop::controller
