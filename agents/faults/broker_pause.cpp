// broker.pause: the broker's process is stopped (SIGSTOP) and goes on later (SIGCONT).
#include <csignal>

#include "agents/faults/process_faults.hpp"
#include "agents/faults/table.hpp"

namespace troop::agents {

const Fault broker_pause{
    .name = "broker.pause",
    .plan = plan_on_part,
    .apply = stop_running,
    .revert = let_run,
};

}  // namespace troop::agents
