// broker.stop_app: the broker stops within its process: clients are closed, nothing listens, and it is back quickly.
#include "agents/faults/control_faults.hpp"
#include "agents/faults/table.hpp"

namespace troop::agents {
namespace json = boost::json;
namespace {

asio::awaitable<Result<void>> look(Parts& parts, const protocol::StepOrder& order, json::object& state) {
  BOOST_OUTCOME_CO_TRY(auto control, control_for(parts, order));
  BOOST_OUTCOME_CO_TRY(const auto accepts, co_await control->accepts_clients());
  if (!accepts) co_return not_proven(order, "the broker accepts no clients already");
  state["running"] = true;
  co_return success();
}

asio::awaitable<Result<Proof>> apply(Parts& parts, const protocol::StepOrder& order, Seen) {
  BOOST_OUTCOME_CO_TRY(auto control, control_for(parts, order));
  BOOST_OUTCOME_CO_TRY(co_await control->stop_application());
  BOOST_OUTCOME_CO_TRY(const auto accepts, co_await control->accepts_clients());
  if (accepts) co_return not_proven(order, "the broker still answers AMQP");
  co_return Proof{monotonic_ns(), "the broker's application is stopped, its process runs, AMQP is refused"};
}

asio::awaitable<Result<Proof>> revert(Parts& parts, const protocol::StepOrder& order, Seen seen) {
  if (!seen.contains("running")) co_return co_await works_again(parts, order);
  BOOST_OUTCOME_CO_TRY(broker_runs(parts, order));
  BOOST_OUTCOME_CO_TRY(auto control, control_for(parts, order));
  auto started = co_await control->start_application();
  if (started.has_error()) co_return not_restored(order, started.error());
  co_return co_await works_again(parts, order);
}

}  // namespace

const Fault broker_stop_app{
    .name = "broker.stop_app",
    .plan = plan_on_broker,
    .look = look,
    .apply = apply,
    .revert = revert,
    .in_force = takes_no_clients,
    .able = able_to_steer_broker,
};

}  // namespace troop::agents
