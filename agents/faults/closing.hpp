// What the faults have in common by which the broker itself closes something of its clients.
#pragma once

#include <string_view>

#include "agents/fault.hpp"

namespace troop::agents {

/// The client that a step means: a worker names its connection like itself. Empty, and so all, for the broker.
std::string client_of(Parts& parts, const protocol::StepOrder& order);

/// Something was closed, and nothing of it is left. `what` is "connection" or "channel".
Result<Proof> closed(const protocol::StepOrder& order, const ClosedByBroker& result, std::string_view what);

/// Clients come back by themselves; the victim is seen at work.
asio::awaitable<Result<Proof>> clients_come_back(Parts& parts, const protocol::StepOrder& order, Seen seen);

}  // namespace troop::agents
