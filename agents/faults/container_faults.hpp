// What the faults on Docker containers have in common. The engine is the one on this machine: a host that is a network
// namespace has the same.
#pragma once

#include "agents/fault.hpp"

namespace troop::agents {

/// The engine knows the container and it runs; nothing in it is protected. Asks the engine. Errors: usage.
Result<UndoRecord> plan_on_container(Parts& parts, const protocol::StepOrder& order);
/// The same again, and writes down what start_again() needs.
asio::awaitable<Result<void>> look_at_container(Parts& parts, const protocol::StepOrder& order,
                                                boost::json::object& state);
/// Tells the engine `what`; proven when the container does not run. In force for as long as that stays so.
asio::awaitable<Result<Proof>> take_container_down(Parts& parts, const protocol::StepOrder& order, Seen seen,
                                                   std::string what);
asio::awaitable<Result<Proof>> start_container_again(Parts& parts, const protocol::StepOrder& order, Seen seen);

/// An engine answers on its socket.
Ability try_docker();

}  // namespace troop::agents
