// The control: the same scenario, run without its faults. What shows there too is not the faults' doing.
#pragma once

#include <filesystem>
#include <span>
#include <vector>

#include "common/error.hpp"
#include "reports/invariants/verdict.hpp"
#include "scenarios/model/scenario.hpp"

namespace troop::invariants {

/// What a control is judged by: `specs` without `recovery`, since there is nothing to recover from. What they expect of
/// faults violates in it.
std::vector<model::InvariantSpec> control_claims(std::span<const model::InvariantSpec> specs);

/// Judges the history of a control by control_claims(`specs`). Errors: as judge(), and usage for a history without a
/// `run` start or with a fault in it: that is no control. Blocks on the disk.
Result<Judged> judge_control(const std::filesystem::path& history, std::span<const model::InvariantSpec> specs);

/// Weighs what was `judged` by `specs` against its `control`, as judge_control() gave it:
///   - an anomaly of a kind that the control shows as well is attributed to no fault, and meets no `expect`;
///   - a judgement "control" comes in before `exercised`: violated where the control violates a claim, unknown where
///     it leaves one open or is of another scenario, so that a run passes only if its control does.
void weigh(Judged& judged, std::span<const model::InvariantSpec> specs, const Judged& control);

}  // namespace troop::invariants
