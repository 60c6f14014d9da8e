#include "scenarios/toml/group_rules.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "scenarios/model/groups.hpp"
#include "scenarios/toml/units.hpp"

namespace troop::scenarios {

std::string wrong_zone(const model::Scenario& scenario, const model::Step& step) {
  std::vector<std::string> zones;
  for (const auto& host : scenario.hosts) {
    if (!host.zone.empty() && std::ranges::find(zones, host.zone) == zones.end()) zones.push_back(host.zone);
  }
  if (zones.empty()) return fmt::format("{} acts on a zone, and no [[host]] has one: zone = \"a\"", step.fault);
  if (std::ranges::find(zones, step.target) == zones.end())
    return fmt::format("no [[host]] is in a zone {}{}", in_quotes(step.target), hint(step.target, zones));
  if (model::parts_in_zone(scenario, step.target).empty())
    return fmt::format("neither the broker nor a worker is on a host in zone {}", in_quotes(step.target));
  return "";
}

std::optional<Refusal> wrong_groups(const model::Scenario& scenario, const model::Step& step,
                                    const model::FaultSpec& fault, std::string_view path) {
  const auto refuse = [&](std::string_view key, std::string why) {
    return Refusal{fmt::format("{}.{}", path, key), std::move(why)};
  };
  const auto text = [&](std::string_view name) {
    const auto found = step.parameters.find(name);
    const auto* value = found == step.parameters.end() ? nullptr : std::get_if<std::string>(&found->second);
    return value == nullptr ? std::string{} : *value;
  };
  const bool on_all = step.target == model::hosts_target, grouped = step.parameters.contains("groups");
  if (!on_all) {
    for (const std::string_view key : {"groups", "pairs"}) {
      if (step.parameters.contains(key) && std::ranges::find(fault.targets, model::host_kind) != fault.targets.end())
        return refuse(key, fmt::format("'{}' is for target = \"{}\"; one host has 'peers'", key, model::hosts_target));
    }
    return std::nullopt;
  }
  const auto takes_groups = std::ranges::find(fault.parameters, "groups", &model::Parameter::name);
  if (takes_groups == fault.parameters.end()) return std::nullopt;  // said of its target
  if (!grouped)
    return refuse("target", fmt::format("{} on all hosts does not say how they fall apart: 'groups'", step.fault));
  if (step.parameters.contains("peers"))
    return refuse("peers", "'groups' says who loses whom, so there are no 'peers'");
  if (const auto direction = text("direction"); direction != "both" && direction != "either" && !direction.empty())
    return refuse("direction", "between groups each pair is hit at one of its two ends, so there is no direction");
  if (step.parameters.contains("pairs") && text("groups") != model::explicit_pairs)
    return refuse("pairs", fmt::format("'pairs' is for groups = \"{}\"", model::explicit_pairs));
  if (auto found = model::cuts_of(scenario, step, Random{0}); found.has_error())
    return refuse("groups", std::move(found).error().context);
  return std::nullopt;
}

std::vector<std::string> targets_of(const model::Scenario& scenario, const model::Step& step) {
  if (step.fault == "zone.down") return model::parts_in_zone(scenario, step.target);
  return {step.target};
}

}  // namespace troop::scenarios
