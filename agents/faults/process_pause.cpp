// process.pause: a worker is stopped (SIGSTOP) and goes on later (SIGCONT).
#include <csignal>

#include "agents/faults/process_faults.hpp"
#include "agents/faults/table.hpp"

namespace troop::agents {

const Fault process_pause{
    .name = "process.pause",
    .plan = plan_on_part,
    .apply = stop_running,
    .revert = let_run,
    .able = try_processes,
};

}  // namespace troop::agents
