// What a step says about a host's processes that cannot be: none are named, or in two ways, or of a worker. The same
// of what it uses up.
#pragma once

#include <optional>

#include "scenarios/toml/claims.hpp"

namespace troop::scenarios {

/// Whether the step's target is one of the workload's workers, or the broker; else it is a host.
bool is_part(std::string_view target);

/// `path` is the step's: "step.0".
std::optional<Refusal> wrong_selection(const model::Step& step, const model::FaultSpec& fault, std::string_view path);

/// The same of the control group whose traffic alone is meant.
std::optional<Refusal> wrong_control_group(const model::Step& step, const model::FaultSpec& fault,
                                           std::string_view path);

/// What a step says about a service that cannot be: which one is not said, or in two ways, or it is none to stop.
std::optional<Refusal> wrong_service(const model::Step& step, const model::FaultSpec& fault, std::string_view path);

/// The same of faults that use up a part of a host: how much, and where.
std::optional<Refusal> wrong_amount(const model::Scenario& scenario, const model::Step& step,
                                    const model::FaultSpec& fault, std::string_view path);

/// A fault that may outlive its agent, on a host, in a scenario that does not accept that.
std::optional<Refusal> not_accepted(const model::Scenario& scenario, const model::Step& step,
                                    const model::FaultSpec& fault, std::string_view path);
/// What is accepted although there is nothing to accept.
std::optional<Refusal> wrong_acceptance(const model::Scenario& scenario, const model::Catalogue& catalogue);

}  // namespace troop::scenarios
