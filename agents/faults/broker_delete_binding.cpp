// broker.delete_binding: an exchange no longer routes to a queue; then it is bound again as it was.
#include <fmt/format.h>

#include "agents/faults/control_faults.hpp"
#include "agents/faults/table.hpp"

namespace troop::agents {
namespace json = boost::json;
namespace {

std::string exchange_of(Parts& parts, const protocol::StepOrder& order) {
  return text_parameter(order, "exchange", parts.route().exchange);
}

Result<UndoRecord> plan(Parts& parts, const protocol::StepOrder& order) {
  BOOST_OUTCOME_TRY(auto record, plan_on_broker(parts, order));
  if (exchange_of(parts, order).empty()) {
    return usage_error(order.fault +
                       ": the workload publishes to the default exchange, whose bindings cannot be deleted; give it an "
                       "exchange of its own (workload.exchange.name), or name another with 'exchange'");
  }
  return record;
}

/// Bindings from the exchange to the queue that the step means; all of them where it names no routing key.
json::array meant(Parts& parts, const protocol::StepOrder& order, const json::object& queue) {
  json::array found;
  const std::string exchange = exchange_of(parts, order);
  const auto key = order.parameters.find("routing_key");
  for (const auto& binding : queue.at("bindings").as_array()) {
    const bool same_key = key == order.parameters.end() ||
                          binding.at("routing_key").as_string() == text_parameter(order, "routing_key", "");
    if (binding.at("source").as_string() == exchange && same_key) found.push_back(binding);
  }
  return found;
}

asio::awaitable<Result<void>> look(Parts& parts, const protocol::StepOrder& order, json::object& state) {
  BOOST_OUTCOME_CO_TRY(auto control, control_for(parts, order));
  BOOST_OUTCOME_CO_TRY(auto queue, co_await existing_queue(*control, queue_of(parts, order)));
  json::array found = meant(parts, order, queue);
  if (found.empty()) {
    co_return not_proven(
        order, fmt::format("exchange {} has no such binding to {}", exchange_of(parts, order), queue_of(parts, order)));
  }
  state["bindings"] = std::move(found);
  co_return success();
}

asio::awaitable<Result<Proof>> apply(Parts& parts, const protocol::StepOrder& order, Seen seen) {
  BOOST_OUTCOME_CO_TRY(auto control, control_for(parts, order));
  const std::string name = queue_of(parts, order);
  const json::array bindings = seen.at("bindings").as_array();
  for (const auto& binding : bindings) {
    BOOST_OUTCOME_CO_TRY(co_await control->unbind(binding.as_object()));
  }
  const std::int64_t unbound = monotonic_ns();
  BOOST_OUTCOME_CO_TRY(auto queue, co_await existing_queue(*control, name));
  const bool again = !meant(parts, order, queue).empty();
  co_return Proof{unbound,
                  fmt::format("{} binding{} from {} to {} deleted{}", bindings.size(), bindings.size() == 1 ? "" : "s",
                              exchange_of(parts, order), name, again ? "; a client has bound it again" : "")};
}

asio::awaitable<Result<Proof>> revert(Parts& parts, const protocol::StepOrder& order, Seen seen) {
  const json::value* bindings = seen.if_contains("bindings");
  if (bindings == nullptr || !bindings->is_array()) co_return co_await works_again(parts, order);
  BOOST_OUTCOME_CO_TRY(broker_runs(parts, order));
  BOOST_OUTCOME_CO_TRY(auto control, control_for(parts, order));
  for (const auto& binding : bindings->get_array()) {
    auto bound = co_await control->bind(binding.as_object());
    if (bound.has_error()) co_return not_restored(order, bound.error());
  }
  auto queue = co_await existing_queue(*control, queue_of(parts, order));
  if (queue.has_error()) co_return not_restored(order, queue.error());
  json::object wanted;
  wanted["bindings"] = *bindings;
  if (!has_all_of(queue.value(), wanted)) co_return not_restored(order, "the bindings are not as they were");
  co_return co_await works_again(parts, order, queue_of(parts, order) + " is bound as it was");
}

}  // namespace

const Fault broker_delete_binding{
    .name = "broker.delete_binding",
    .plan = plan,
    .look = look,
    .apply = apply,
    .revert = revert,
    .able = able_to_steer_broker,
};

}  // namespace troop::agents
