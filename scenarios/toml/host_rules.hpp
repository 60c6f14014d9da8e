// What a scenario says of its hosts that cannot be: places that do not exist, names that mean something else.
#pragma once

#include <vector>

#include "scenarios/toml/claims.hpp"

namespace troop::scenarios {

void refuse_hosts(const model::Scenario& scenario, const Sound& sound, std::vector<Refusal>& out);

}  // namespace troop::scenarios
