// Every fault there is. To add one: a file beside this one, a line in catalogue.cpp, its doing in agents/faults/.
#pragma once

#include <string_view>
#include <vector>

#include "scenarios/model/catalogue.hpp"

namespace troop::model {

/// In the order in which `troop list faults` prints them. Lives as long as the program.
const std::vector<FaultSpec>& faults();

/// The fault of that name, or null.
const FaultSpec* find_fault(const std::vector<FaultSpec>& faults, std::string_view name);

}  // namespace troop::model
