// broker.pause: the broker's process is stopped (SIGSTOP) and goes on later (SIGCONT).
#include <csignal>

#include "agents/faults/process_faults.hpp"
#include "agents/faults/table.hpp"

namespace troop::agents {
namespace {

/// A process in state T is a pause; a broker that stays silent is what its clients meet.
asio::awaitable<Result<Proof>> apply(Parts& parts, const protocol::StepOrder& order, Seen seen) {
  BOOST_OUTCOME_CO_TRY(auto proof, co_await stop_running(parts, order, seen));
  BrokerControl* const control = parts.control_of(order.victim);
  if (parts.find(order.victim)->outsider() != nullptr || control == nullptr) co_return proof;
  BOOST_OUTCOME_CO_TRY(const bool accepts, co_await control->accepts_clients());
  if (accepts) co_return Error{ErrorKind::timeout, order.fault + ": the broker answers though " + proof.text};
  co_return Proof{monotonic_ns(), proof.text + ", and an AMQP header gets no answer"};
}

}  // namespace

const Fault broker_pause{
    .name = "broker.pause",
    .plan = plan_on_part,
    .apply = apply,
    .revert = let_run,
    .in_force = still_stopped,
    .able = able_to_signal_broker,
};

}  // namespace troop::agents
