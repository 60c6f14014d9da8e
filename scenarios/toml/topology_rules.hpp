// What RabbitMQ cannot declare, or what a workload could not use, said before anything is started.
#pragma once

#include <vector>

#include "scenarios/toml/claims.hpp"

namespace troop::scenarios {

void refuse_topology(const model::Scenario& scenario, const Sound& sound, std::vector<Refusal>& out);

}  // namespace troop::scenarios
