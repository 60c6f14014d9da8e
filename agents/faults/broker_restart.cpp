// broker.restart: the broker is asked to end (SIGTERM) and started again at once.
#include <csignal>

#include "agents/faults/process_faults.hpp"
#include "agents/faults/table.hpp"

namespace troop::agents {

const Fault broker_restart{
    .name = "broker.restart",
    .plan = plan_on_part,
    .apply = [](Parts& parts, const protocol::StepOrder& order, Seen) { return take_down(parts, order, SIGTERM); },
    .revert = bring_back,
    .able = able_to_signal_broker,
};

}  // namespace troop::agents
