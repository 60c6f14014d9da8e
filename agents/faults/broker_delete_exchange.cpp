// broker.delete_exchange: an exchange is deleted with its bindings, and declared and bound again as it was.
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
  const std::string name = exchange_of(parts, order);
  if (name.empty()) {
    return usage_error(order.fault +
                       ": the workload publishes to the default exchange, which cannot be deleted; give it an "
                       "exchange of its own (workload.exchange.name), or name another with 'exchange'");
  }
  if (name.starts_with("amq.")) return usage_error(order.fault + ": '" + name + "' belongs to the broker");
  return record;
}

asio::awaitable<Result<void>> look(Parts& parts, const protocol::StepOrder& order, json::object& state) {
  BOOST_OUTCOME_CO_TRY(auto control, control_for(parts, order));
  const std::string name = exchange_of(parts, order);
  BOOST_OUTCOME_CO_TRY(auto exchange, co_await control->exchange(name));
  if (!exchange) co_return not_proven(order, "there is no exchange '" + name + "'");
  state["definition"] = std::move(*exchange);
  co_return success();
}

asio::awaitable<Result<Proof>> apply(Parts& parts, const protocol::StepOrder& order, Seen) {
  BOOST_OUTCOME_CO_TRY(auto control, control_for(parts, order));
  const std::string name = exchange_of(parts, order);
  BOOST_OUTCOME_CO_TRY(const auto existed, co_await control->delete_exchange(name));
  if (!existed) co_return not_proven(order, "there is no exchange '" + name + "'");
  const std::int64_t deleted = monotonic_ns();
  BOOST_OUTCOME_CO_TRY(auto again, co_await control->exchange(name));
  co_return Proof{deleted, fmt::format("exchange {} was deleted{}", name,
                                       again ? "; a client has declared it again" : ", and does not exist")};
}

asio::awaitable<Result<Proof>> revert(Parts& parts, const protocol::StepOrder& order, Seen seen) {
  const json::value* definition = seen.if_contains("definition");
  if (definition == nullptr || !definition->is_object()) co_return co_await works_again(parts, order);
  BOOST_OUTCOME_CO_TRY(broker_runs(parts, order));
  BOOST_OUTCOME_CO_TRY(auto control, control_for(parts, order));
  const json::object& wanted = definition->get_object();
  auto declared = co_await control->declare_exchange(wanted);
  if (declared.has_error()) co_return not_restored(order, declared.error());
  const std::string name{wanted.at("name").as_string()};
  auto now = co_await control->exchange(name);
  if (now.has_error()) co_return not_restored(order, now.error());
  if (!now.value() || !has_all_of(*now.value(), wanted)) {
    co_return not_restored(order, "exchange " + name + " is not as it was declared");
  }
  co_return co_await works_again(parts, order, "exchange " + name + " is declared as it was, with its bindings");
}

}  // namespace

const Fault broker_delete_exchange{
    .name = "broker.delete_exchange",
    .plan = plan,
    .look = look,
    .apply = apply,
    .revert = revert,
    .able = able_to_steer_broker,
};

}  // namespace troop::agents
