// Steps that are composed of others: between groups of hosts, on a whole zone.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/model/catalogue.hpp"
#include "scenarios/model/scenario.hpp"
#include "scenarios/toml/claims.hpp"

namespace troop::scenarios {

/// What is wrong with a step's zone; empty if nothing.
std::string wrong_zone(const model::Scenario& scenario, const model::Step& step);
/// What is wrong with a step between groups of hosts, or with one that names groups and is on one host.
std::optional<Refusal> wrong_groups(const model::Scenario& scenario, const model::Step& step,
                                    const model::FaultSpec& fault, std::string_view path);
/// Who is hit, as steps name them.
std::vector<std::string> targets_of(const model::Scenario& scenario, const model::Step& step);

}  // namespace troop::scenarios
