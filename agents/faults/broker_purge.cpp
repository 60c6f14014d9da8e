// broker.purge: all messages that wait in a queue are thrown away. Nothing brings them back.
#include <fmt/format.h>

#include "agents/faults/control_faults.hpp"
#include "agents/faults/table.hpp"

namespace troop::agents {
namespace json = boost::json;
namespace {

asio::awaitable<Result<void>> look(Parts& parts, const protocol::StepOrder& order, json::object& state) {
  BOOST_OUTCOME_CO_TRY(auto control, control_for(parts, order));
  BOOST_OUTCOME_CO_TRY(auto queue, co_await existing_queue(*control, queue_of(parts, order)));
  state["queue"] = queue.at("name");
  co_return success();
}

asio::awaitable<Result<Proof>> apply(Parts& parts, const protocol::StepOrder& order, Seen) {
  BOOST_OUTCOME_CO_TRY(auto control, control_for(parts, order));
  const std::string name = queue_of(parts, order);
  BOOST_OUTCOME_CO_TRY(auto count, co_await control->purge_queue(name));
  if (!count) co_return not_proven(order, "there is no queue '" + name + "'");
  if (*count == 0) co_return not_proven(order, "queue '" + name + "' was empty, so nothing was thrown away");
  co_return Proof{monotonic_ns(), fmt::format("{} ready messages of {} were thrown away", *count, name)};
}

asio::awaitable<Result<Proof>> revert(Parts& parts, const protocol::StepOrder& order, Seen) {
  return works_again(parts, order);
}

}  // namespace

const Fault broker_purge{
    .name = "broker.purge",
    .plan = plan_on_broker,
    .look = look,
    .apply = apply,
    .revert = revert,
    .able = able_to_steer_broker,
};

}  // namespace troop::agents
