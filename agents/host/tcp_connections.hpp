// The TCP connections of this thread's network namespace, whoever's they are. See sock_diag(7). Needs CAP_NET_ADMIN.
#pragma once

#include "agents/host/traffic.hpp"

namespace troop::agents {

/// Aborts the established connections that `traffic` means (its direction and transport are not looked at): both ends
/// see a reset. How many those were. Blocks for milliseconds. Errors: usage, where this kernel cannot.
Result<std::size_t> reset_connections(const Traffic& traffic);

}  // namespace troop::agents
