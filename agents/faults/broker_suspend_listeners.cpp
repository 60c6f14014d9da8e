// broker.suspend_listeners: the broker accepts no new connections; those that are open go on.
#include "agents/faults/control_faults.hpp"
#include "agents/faults/table.hpp"

namespace troop::agents {
namespace json = boost::json;
namespace {

asio::awaitable<Result<void>> look(Parts& parts, const protocol::StepOrder& order, json::object& state) {
  BOOST_OUTCOME_CO_TRY(auto control, control_for(parts, order));
  BOOST_OUTCOME_CO_TRY(const auto accepts, co_await control->accepts_clients());
  if (!accepts) co_return not_proven(order, "the broker accepts no clients already");
  state["listening"] = true;
  co_return success();
}

asio::awaitable<Result<Proof>> apply(Parts& parts, const protocol::StepOrder& order, Seen) {
  BOOST_OUTCOME_CO_TRY(auto control, control_for(parts, order));
  BOOST_OUTCOME_CO_TRY(co_await control->suspend_listeners());
  BOOST_OUTCOME_CO_TRY(const auto accepts, co_await control->accepts_clients());
  if (accepts) co_return not_proven(order, "the broker still accepts clients");
  co_return Proof{monotonic_ns(), "new connections are refused, open ones go on"};
}

asio::awaitable<Result<Proof>> revert(Parts& parts, const protocol::StepOrder& order, Seen seen) {
  if (!seen.contains("listening")) co_return co_await works_again(parts, order);
  BOOST_OUTCOME_CO_TRY(broker_runs(parts, order));
  BOOST_OUTCOME_CO_TRY(auto control, control_for(parts, order));
  auto resumed = co_await control->resume_listeners();
  if (resumed.has_error()) co_return not_restored(order, resumed.error());
  co_return co_await works_again(parts, order);
}

}  // namespace

const Fault broker_suspend_listeners{
    .name = "broker.suspend_listeners",
    .plan = plan_on_broker,
    .look = look,
    .apply = apply,
    .revert = revert,
    .in_force = takes_no_clients,
    .able = able_to_steer_broker,
};

}  // namespace troop::agents
