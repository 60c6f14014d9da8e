// What a fault is asked to do that it could not do with this workload, though each of its keys is right. Knows no TOML.
#pragma once

#include <optional>

#include "scenarios/toml/claims.hpp"

namespace troop::scenarios {

/// `path` is that of the step, "step.0".
std::optional<Refusal> without_sense(const model::Workload& workload, const model::Step& step, std::string_view path);

}  // namespace troop::scenarios
