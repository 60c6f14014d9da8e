// Control groups of the unified hierarchy (cgroup v2, cgroups(7)): the kernel tells sockets apart by them. A socket
// belongs to the group in which its process was when it made it, wherever that process goes; one that was accepted
// belongs to its listener's.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <set>
#include <string>

#include "common/error.hpp"
#include "common/unique_fd.hpp"

namespace troop::agents {

struct ControlGroup {
  std::string path;      ///< "/system.slice/shop.service", below the root of the hierarchy; empty: the root.
  std::string folder;    ///< The same as a folder of this machine.
  std::uint64_t id = 0;  ///< The kernel's number of it, which no later group gets; 0: it is not made yet.

  /// How many are above it.
  [[nodiscard]] std::uint32_t level() const;
  /// Whether it is `other`, or below that.
  [[nodiscard]] bool is_within(const ControlGroup& other) const;
  /// The folder as nft's language names it: in quotes, below /sys/fs/cgroup wherever the hierarchy is.
  [[nodiscard]] std::string quoted() const;
};

/// The group with that path, as /proc/PID/cgroup tells it. Errors: usage, where there is none, the path is none (see
/// model::is_cgroup_path), or this machine has no unified hierarchy.
Result<ControlGroup> find_control_group(const std::string& path);
/// The one that this process is in, which may be the root. Errors: usage.
Result<ControlGroup> own_control_group();
/// Errors: lost, where it has been removed since, whether or not there is another of its name.
Result<void> still_there(const ControlGroup& group);

/// A group that is yet to be made, below the one that this process is in; no other has its name. Its id is 0. `name`:
/// of letters, digits and hyphens. Errors: usage, where this process may not make one.
Result<ControlGroup> plan_control_group(const std::string& name);
/// Makes it, with nobody in it. Errors: lost.
Result<void> make_control_group(ControlGroup& group);
/// Opens what a process writes "0" to that shall be in it (Spawn::group). Errors: lost.
Result<UniqueFd> way_into(const ControlGroup& group);
/// Removes the folder of a planned group, be it there or not; who has just ended may be in it for a moment. Leaves
/// alone what cannot be one. Idempotent; blocks for a second at most. Errors: unrestored.
Result<void> remove_control_group(const std::string& folder);

/// The processes in it and below, as far as this process sees them.
std::set<pid_t> processes_in(const ControlGroup& group);
/// The numbers of it and of all below.
std::set<std::uint64_t> ids_within(const ControlGroup& group);

}  // namespace troop::agents
