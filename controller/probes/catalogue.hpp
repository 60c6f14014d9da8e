// Every probe there is: what can measure a steady state.
#pragma once

#include <vector>

#include "scenarios/model/catalogue.hpp"

namespace troop::controller {

/// Lives as long as the program.
const std::vector<model::ProbeSpec>& probes();

}  // namespace troop::controller
