// broker.stop: the broker is asked to end (SIGTERM) and stays down until it is started again.
#include <csignal>

#include "agents/faults/process_faults.hpp"
#include "agents/faults/table.hpp"

namespace troop::agents {

const Fault broker_stop{
    .name = "broker.stop",
    .plan = plan_on_part,
    .apply = [](Parts& parts, const protocol::StepOrder& order, Seen) { return take_down(parts, order, SIGTERM); },
    .revert = bring_back,
    .in_force = still_down,
    .able = able_to_signal_broker,
};

}  // namespace troop::agents
