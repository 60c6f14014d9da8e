// broker.close_channel: the broker raises a channel error, as after a client's mistake; the connection stays.
#include "agents/faults/closing.hpp"
#include "agents/faults/control_faults.hpp"
#include "agents/faults/table.hpp"

namespace troop::agents {
namespace {

asio::awaitable<Result<Proof>> apply(Parts& parts, const protocol::StepOrder& order, Seen) {
  BOOST_OUTCOME_CO_TRY(auto control, control_for(parts, order));
  BOOST_OUTCOME_CO_TRY(auto result, co_await control->close_channels(client_of(parts, order)));
  co_return closed(order, result, "channel");
}

}  // namespace

const Fault broker_close_channel{
    .name = "broker.close_channel",
    .plan = plan_on_broker,
    .apply = apply,
    .revert = clients_come_back,
    .able = able_to_steer_broker,
};

}  // namespace troop::agents
