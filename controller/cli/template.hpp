// The scenario that `troop new` writes.
#pragma once

#include <string>
#include <string_view>

namespace troop::controller {

/// A whole scenario of that name: every key with its meaning and default. `name` is of a-z, 0-9 and - only.
std::string scenario_template(std::string_view name);

}  // namespace troop::controller
