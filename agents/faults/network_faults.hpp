// What the faults on a host's network have in common. The agent of the host lives in the network that it breaks.
//
// Undo needs no record: the kernel ends a filter with its agent, and by itself where the agent hangs.
#pragma once

#include "agents/fault.hpp"
#include "agents/host/packet_filter.hpp"

namespace troop::agents {

/// Which packets the step means; peers that are hosts of the scenario become addresses. Errors: usage.
Result<Traffic> traffic_of(Parts& parts, const protocol::StepOrder& order);

/// What a step stops. Errors: usage.
using StopRuleOf = Result<StopRule> (*)(Parts& parts, const protocol::StepOrder& order);

/// The rule has sense and this process may use nftables here. Changes nothing. Errors: usage.
Result<UndoRecord> plan_to_stop(Parts& parts, const protocol::StepOrder& order, StopRuleOf rule_of);
/// Proven when the kernel has stopped a packet. Errors: those of PacketFilter; lost where it stopped none.
asio::awaitable<Result<Proof>> stop_packets(Parts& parts, const protocol::StepOrder& order, StopRuleOf rule_of);
/// Proven when there is no such table any more. Errors: unrestored.
asio::awaitable<Result<Proof>> let_packets_pass(Parts& parts, const protocol::StepOrder& order, Seen seen);

}  // namespace troop::agents
