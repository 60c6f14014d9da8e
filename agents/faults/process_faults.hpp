// What the faults on processes have in common: taking a part down by a signal, and stopping it for a while.
#pragma once

#include "agents/fault.hpp"

namespace troop::agents {

/// The number that the parameter `signal` names, one of the fault's choices; 0 where it names none.
int ending_signal(const protocol::StepOrder& order);

/// The victim exists; the record names it.
Result<UndoRecord> plan_on_part(Parts& parts, const protocol::StepOrder& order);

/// A broker can be started here, and its process signalled.
Ability able_to_signal_broker();

/// Sends `number` and waits until the process is gone; a process that outlives SIGTERM by 20 s is no fault that took
/// effect.
asio::awaitable<Result<Proof>> take_down(Parts& parts, const protocol::StepOrder& order, int number);
/// in_force of those. Errors: lost.
asio::awaitable<Result<void>> still_down(Parts& parts, const protocol::StepOrder& order, Seen seen);
/// Starts the part unless it runs, and waits until it is ready.
asio::awaitable<Result<Proof>> bring_back(Parts& parts, const protocol::StepOrder& order, Seen seen);

/// SIGSTOP, seen in /proc (state T).
asio::awaitable<Result<Proof>> stop_running(Parts& parts, const protocol::StepOrder& order, Seen seen);
/// in_force of that. Errors: lost.
asio::awaitable<Result<void>> still_stopped(Parts& parts, const protocol::StepOrder& order, Seen seen);
/// SIGCONT, seen in /proc, then ready. A part that died meanwhile is an error: it is not as before.
asio::awaitable<Result<Proof>> let_run(Parts& parts, const protocol::StepOrder& order, Seen seen);

}  // namespace troop::agents
