// broker.close_connections: the broker closes connections, as an administrator or a node in maintenance does.
#include "agents/faults/closing.hpp"
#include "agents/faults/control_faults.hpp"
#include "agents/faults/table.hpp"

namespace troop::agents {
namespace {

asio::awaitable<Result<Proof>> apply(Parts& parts, const protocol::StepOrder& order, Seen) {
  BOOST_OUTCOME_CO_TRY(auto control, control_for(parts, order));
  BOOST_OUTCOME_CO_TRY(auto result, co_await control->close_connections(
                                        client_of(parts, order), "closed by the fault broker.close_connections"));
  co_return closed(order, result, "connection");
}

}  // namespace

const Fault broker_close_connections{
    .name = "broker.close_connections",
    .plan = plan_on_broker,
    .apply = apply,
    .revert = clients_come_back,
    .able = able_to_steer_broker,
};

}  // namespace troop::agents
