// From a history and claims to a verdict.
#pragma once

#include <boost/json/object.hpp>
#include <filesystem>
#include <span>
#include <string_view>

#include "common/error.hpp"
#include "reports/invariants/verdict.hpp"
#include "scenarios/model/scenario.hpp"

namespace troop::invariants {

/// Reads `history` once and judges it by every spec, in their order; `exercised` comes last, and is added where the
/// history has a `run` start. No clock and no randomness: the same file gives the same answer for ever.
/// Errors: usage for a missing or malformed history or a spec that is none; lost where the disk fails. Blocks on the
/// disk.
Result<Judged> judge(const std::filesystem::path& history, std::span<const model::InvariantSpec> specs);

/// As judge(), of a run whose faults were taken out: what is expected of them violates.
Result<Judged> judge_without_faults(const std::filesystem::path& history, std::span<const model::InvariantSpec> specs);

/// judge() over text in memory, under `name` in messages.
Result<Judged> judge_text(std::string_view text, std::span<const model::InvariantSpec> specs,
                          std::string_view name = "history");

/// The most severe outcome; what is not complete is never a pass.
Verdict verdict_of(const Judged& judged);

/// As `troop verify --format json` prints it: {"verdict", "events", "invariants": […], "complete", "warnings"}.
boost::json::object to_json(const Judged& judged);

/// The reverse, for those who read a stored verdict. Errors: usage, saying which part is not as it must be.
Result<Judged> judged_from_json(const boost::json::object& object);

}  // namespace troop::invariants
