// Limits of processes that were lowered, as data: whoever is left of an agent
// puts them back.
#pragma once

#include <boost/json.hpp>
#include <string>

#include "agents/host/process.hpp"
#include "common/error.hpp"

namespace troop::agents {

/// The kind of their undo record. Its state has "processes", as for those that
/// are paused, and for each in the same place of "limits" how many descriptors
/// it might have.
inline constexpr std::string_view limits_kind = "limits";

/// How many file descriptors a process may have (RLIMIT_NOFILE): their numbers
/// are below that.
struct DescriptorLimit {
  std::uint64_t soft = 0, hard = 0;
};
/// Errors: lost.
Result<DescriptorLimit> descriptor_limit(pid_t pid);
Result<void> limit_descriptors(pid_t pid, const DescriptorLimit& limit);

/// Puts the limits of the record back for those that are still there;
/// idempotent. Returns what was seen. Errors: unrestored.
Result<std::string> restore_limits(const boost::json::object& state);

}  // namespace troop::agents
