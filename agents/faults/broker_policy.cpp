// broker.policy: a policy is in force for a while; one of the same name comes back as it was.
#include <fmt/format.h>

#include "agents/faults/control_faults.hpp"
#include "agents/faults/table.hpp"

namespace troop::agents {
namespace json = boost::json;
namespace {

/// The parameter `definition`: a JSON object with at least one key.
Result<json::object> definition_of(const protocol::StepOrder& order) {
  json::error_code failure;
  const json::value value = json::parse(text_parameter(order, "definition", ""), failure);
  if (failure || !value.is_object() || value.get_object().empty()) {
    return usage_error(order.fault + R"(: 'definition' must be a JSON object, such as {"max-length": 100})");
  }
  return value.get_object();
}

std::string name_of(const protocol::StepOrder& order) { return text_parameter(order, "name", "troop.policy"); }

Result<UndoRecord> plan(Parts& parts, const protocol::StepOrder& order) {
  BOOST_OUTCOME_TRY(definition_of(order));
  return plan_on_broker(parts, order);
}

asio::awaitable<Result<void>> look(Parts& parts, const protocol::StepOrder& order, json::object& state) {
  BOOST_OUTCOME_CO_TRY(auto control, control_for(parts, order));
  BOOST_OUTCOME_CO_TRY(co_await existing_queue(*control, queue_of(parts, order)));
  BOOST_OUTCOME_CO_TRY(auto former, co_await control->policy(name_of(order)));
  if (former) {
    state["policy"] = *former;
  } else {
    state["policy"] = nullptr;
  }
  co_return success();
}

asio::awaitable<Result<Proof>> apply(Parts& parts, const protocol::StepOrder& order, Seen) {
  BOOST_OUTCOME_CO_TRY(auto control, control_for(parts, order));
  BOOST_OUTCOME_CO_TRY(auto definition, definition_of(order));
  const std::string queue = queue_of(parts, order);
  json::object policy{{"name", name_of(order)},
                      {"pattern", text_parameter(order, "pattern", exactly(queue))},
                      {"apply_to", text_parameter(order, "apply_to", "queues")},
                      {"priority", integer_parameter(order, "priority", 1000)}};
  policy["definition"] = definition;
  BOOST_OUTCOME_CO_TRY(co_await control->set_policy(std::move(policy)));
  BOOST_OUTCOME_CO_TRY(co_await policy_governs(*control, order, queue, name_of(order), definition));
  co_return Proof{monotonic_ns(),
                  fmt::format("policy '{}' governs {}: {}", name_of(order), queue, json::serialize(definition))};
}

asio::awaitable<Result<void>> in_force(Parts& parts, const protocol::StepOrder& order, Seen) {
  BOOST_OUTCOME_CO_TRY(auto control, control_for(parts, order));
  BOOST_OUTCOME_CO_TRY(auto definition, definition_of(order));
  co_return co_await policy_governs(*control, order, queue_of(parts, order), name_of(order), std::move(definition));
}

asio::awaitable<Result<Proof>> revert(Parts& parts, const protocol::StepOrder& order, Seen seen) {
  return put_policy_back(parts, order, name_of(order), seen);
}

}  // namespace

const Fault broker_policy{
    .name = "broker.policy",
    .plan = plan,
    .look = look,
    .apply = apply,
    .revert = revert,
    .in_force = in_force,
    .able = able_to_steer_broker,
};

}  // namespace troop::agents
