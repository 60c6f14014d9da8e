// troop-agent as a service: it waits on a local socket for controllers, one after the other, and has an agent of its
// own serve each. That agent is the one that `troop run` would have started; when it has ended, its controller is told
// how.
//
//   controller ── agent.sock ── service ─┬─ agent ("serve"), on the same connection
//                                        └─ after its end: {"notice": "ended", "exit_code": N}
#pragma once

#include <filesystem>

#include "common/error.hpp"

namespace troop::agents {

/// `agent.sock` beside the undo journals.
std::filesystem::path service_socket();

/// Puts back what dead agents owe, then serves until SIGTERM or SIGINT; what is in force then is put back first. Only
/// root and this user are served, and one controller at a time: others are refused with the reason. Blocking. Returns
/// 0, or 4 where the last agent could not put everything back. Errors: usage, where nobody can listen there.
Result<int> run_service(const std::filesystem::path& socket);

}  // namespace troop::agents
