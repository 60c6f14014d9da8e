// Processes of others that were stopped, as data: whoever is left of an agent lets them go on.
#pragma once

#include <boost/json.hpp>
#include <string>
#include <vector>

#include "agents/host/process.hpp"
#include "common/error.hpp"

namespace troop::agents {

/// The kind of their undo record. Its state has "processes"; see to_json().
inline constexpr std::string_view paused_kind = "paused";

/// Pid, start time and boot id of each.
boost::json::array to_json(const std::vector<ProcessIdentity>& processes);
/// Those of this boot. What is no process that could be meant is left out.
std::vector<ProcessIdentity> processes_from(const boost::json::object& state);

/// Lets those of the record go on that are still there and stopped; idempotent. Returns what was seen. Blocks for a
/// second at most. Errors: unrestored, where one stays stopped.
Result<std::string> resume(const boost::json::object& state);

}  // namespace troop::agents
