// broker.kill: the broker's process is killed; it stays down until it is started again.
#include <csignal>

#include "agents/faults/process_faults.hpp"
#include "agents/faults/table.hpp"

namespace troop::agents {
namespace {

/// What others run may be brought back by whoever runs it, and that is no surprise after a kill.
asio::awaitable<Result<void>> in_force(Parts& parts, const protocol::StepOrder& order, Seen seen) {
  Part* const part = parts.find(order.victim);
  if (part != nullptr && part->outsider() != nullptr) co_return success();
  co_return co_await still_down(parts, order, seen);
}

}  // namespace

const Fault broker_kill{
    .name = "broker.kill",
    .plan = plan_on_part,
    .apply = [](Parts& parts, const protocol::StepOrder& order, Seen) { return take_down(parts, order, SIGKILL); },
    .revert = bring_back,
    .in_force = in_force,
    .able = able_to_signal_broker,
};

}  // namespace troop::agents
