// Which invariants exist, as one explicit table.
#pragma once

#include <vector>

#include "scenarios/model/catalogue.hpp"

namespace troop::invariants {

/// For the scenario reader, `troop list` and the schema.
const std::vector<model::InvariantEntry>& catalogue();

}  // namespace troop::invariants
