// broker.delete_queue: a queue is deleted with its messages, and declared again as it was, with its bindings.
#include <fmt/format.h>

#include "agents/faults/control_faults.hpp"
#include "agents/faults/table.hpp"

namespace troop::agents {
namespace json = boost::json;
namespace {

asio::awaitable<Result<void>> look(Parts& parts, const protocol::StepOrder& order, json::object& state) {
  BOOST_OUTCOME_CO_TRY(auto control, control_for(parts, order));
  BOOST_OUTCOME_CO_TRY(auto queue, co_await existing_queue(*control, queue_of(parts, order)));
  if (queue.at("exclusive") == true) {
    co_return not_proven(order, "an exclusive queue cannot be declared again for its owner");
  }
  for (const char* passing : {"messages", "policy", "effective_policy"}) queue.erase(passing);
  state["definition"] = std::move(queue);
  co_return success();
}

asio::awaitable<Result<Proof>> apply(Parts& parts, const protocol::StepOrder& order, Seen) {
  BOOST_OUTCOME_CO_TRY(auto control, control_for(parts, order));
  const std::string name = queue_of(parts, order);
  BOOST_OUTCOME_CO_TRY(auto count, co_await control->delete_queue(name));
  if (!count) co_return not_proven(order, "there is no queue '" + name + "'");
  const std::int64_t deleted = monotonic_ns();
  // Consumers that declare what they consume from bring it back at once, as an empty queue: that is no lack of proof.
  BOOST_OUTCOME_CO_TRY(auto again, co_await control->queue(name));
  co_return Proof{deleted, fmt::format("{} was deleted with {} ready messages{}", name, *count,
                                       again ? "; a client has declared it again" : ", and does not exist")};
}

asio::awaitable<Result<Proof>> revert(Parts& parts, const protocol::StepOrder& order, Seen seen) {
  const json::value* definition = seen.if_contains("definition");
  if (definition == nullptr || !definition->is_object()) co_return co_await works_again(parts, order);
  BOOST_OUTCOME_CO_TRY(broker_runs(parts, order));
  BOOST_OUTCOME_CO_TRY(auto control, control_for(parts, order));
  const json::object& wanted = definition->get_object();
  auto declared = co_await control->declare_queue(wanted);
  if (declared.has_error()) co_return not_restored(order, declared.error());
  const std::string name{wanted.at("name").as_string()};
  auto now = co_await existing_queue(*control, name);
  if (now.has_error()) co_return not_restored(order, now.error());
  if (!has_all_of(now.value(), wanted)) co_return not_restored(order, name + " is not as it was declared");
  co_return co_await works_again(parts, order, name + " is declared as it was, with its bindings");
}

}  // namespace

const Fault broker_delete_queue{
    .name = "broker.delete_queue",
    .plan = plan_on_broker,
    .look = look,
    .apply = apply,
    .revert = revert,
    .able = able_to_steer_broker,
};

}  // namespace troop::agents
