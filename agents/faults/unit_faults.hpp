// What the faults on services of systemd have in common, and which of a service's two kinds a step means. systemd is
// the one of this machine: a host that is a network namespace has the same.
#pragma once

#include "agents/fault.hpp"

namespace troop::agents {

/// The step names a unit; else it is about a container.
bool names_unit(const protocol::StepOrder& order);

/// systemd knows the unit and it runs; nothing in it is protected, nothing else stops with it, and nothing would start
/// it again. Asks systemd. Errors: usage.
Result<UndoRecord> plan_on_unit(Parts& parts, const protocol::StepOrder& order);
/// The same again, and writes down what start_unit_again() needs.
asio::awaitable<Result<void>> look_at_unit(Parts& parts, const protocol::StepOrder& order, boost::json::object& state);
/// Proven when it is down. In force for as long as that stays so.
asio::awaitable<Result<Proof>> stop_unit(Parts& parts, const protocol::StepOrder& order, Seen seen);
/// Proven when the processes that it had are gone. In force for as long as it stays down, where systemd does not bring
/// it back by itself (Restart=).
asio::awaitable<Result<Proof>> kill_unit(Parts& parts, const protocol::StepOrder& order, Seen seen);
asio::awaitable<Result<Proof>> bring_unit_back(Parts& parts, const protocol::StepOrder& order, Seen seen);

/// plan, look and revert for whichever of the two kinds the step names.
Result<UndoRecord> plan_on_service(Parts& parts, const protocol::StepOrder& order);
asio::awaitable<Result<void>> look_at_service(Parts& parts, const protocol::StepOrder& order,
                                              boost::json::object& state);
/// in_force of both: of what is held down by a unit's name systemd is asked once more. Errors: lost.
asio::awaitable<Result<void>> service_is_down(Parts& parts, const protocol::StepOrder& order, Seen seen);
asio::awaitable<Result<Proof>> start_service_again(Parts& parts, const protocol::StepOrder& order, Seen seen);

/// An engine answers, or systemd does.
Ability try_services();

}  // namespace troop::agents
