// broker.queue_full: a policy limits the queue's length, so that the broker nacks or drops what is beyond it.
#include <fmt/format.h>

#include "agents/faults/control_faults.hpp"
#include "agents/faults/table.hpp"

namespace troop::agents {
namespace json = boost::json;
namespace {

constexpr const char* policy_name = "troop.queue-full";
constexpr std::int64_t priority = 10'000;  // of the policies that match a queue, only the highest counts
constexpr Duration full_max = std::chrono::seconds{10};
constexpr Duration look_interval = std::chrono::milliseconds{200};

std::int64_t length_of(const protocol::StepOrder& order) { return integer_parameter(order, "max_length", 0); }
std::string overflow_of(const protocol::StepOrder& order) {
  return text_parameter(order, "overflow", "reject-publish");
}
json::object definition_of(const protocol::StepOrder& order) {
  return {{"max-length", length_of(order)}, {"overflow", overflow_of(order)}};
}

Result<UndoRecord> plan(Parts& parts, const protocol::StepOrder& order) {
  const auto chosen = order.parameters.find("overflow");
  const std::string overflow = overflow_of(order);
  const bool known = overflow == "reject-publish" || overflow == "reject-publish-dlx" || overflow == "drop-head";
  const bool is_text = chosen == order.parameters.end() || std::holds_alternative<std::string>(chosen->second);
  if (!known || !is_text) {
    return usage_error(order.fault + ": 'overflow' is none of reject-publish, reject-publish-dlx, drop-head");
  }
  return plan_on_broker(parts, order);
}

asio::awaitable<Result<void>> look(Parts& parts, const protocol::StepOrder& order, json::object& state) {
  BOOST_OUTCOME_CO_TRY(auto control, control_for(parts, order));
  BOOST_OUTCOME_CO_TRY(co_await existing_queue(*control, queue_of(parts, order)));
  BOOST_OUTCOME_CO_TRY(auto former, co_await control->policy(policy_name));
  if (former) {
    state["policy"] = *former;
  } else {
    state["policy"] = nullptr;
  }
  co_return success();
}

/// Ready messages once there are `length`, or the last count when that does not come true in time.
asio::awaitable<Result<std::int64_t>> fill(BrokerControl& control, std::string queue, std::int64_t length) {
  const std::int64_t deadline = monotonic_ns() + full_max.count();
  while (true) {
    BOOST_OUTCOME_CO_TRY(auto seen, co_await existing_queue(control, queue));
    const std::int64_t messages = seen.at("messages").to_number<std::int64_t>();
    if (messages >= length || monotonic_ns() >= deadline) co_return messages;
    co_await pause_for(look_interval);
  }
}

asio::awaitable<Result<Proof>> apply(Parts& parts, const protocol::StepOrder& order, Seen) {
  BOOST_OUTCOME_CO_TRY(auto control, control_for(parts, order));
  const std::string queue = queue_of(parts, order);
  const std::int64_t length = length_of(order);
  const json::object definition = definition_of(order);
  json::object policy{{"name", policy_name}, {"pattern", exactly(queue)}, {"apply_to", "queues"}};
  policy["priority"] = priority;
  policy["definition"] = definition;
  BOOST_OUTCOME_CO_TRY(co_await control->set_policy(std::move(policy)));
  BOOST_OUTCOME_CO_TRY(co_await policy_governs(*control, order, queue, policy_name, definition));
  BOOST_OUTCOME_CO_TRY(const auto messages, co_await fill(*control, queue, length));
  if (messages < length) {
    co_return not_proven(order, fmt::format("{} is not full: {} of {} messages", queue, messages, length));
  }
  co_return Proof{monotonic_ns(), fmt::format("{} holds {} ready messages and its limit is {}, then {}", queue,
                                              messages, length, overflow_of(order))};
}

asio::awaitable<Result<void>> in_force(Parts& parts, const protocol::StepOrder& order, Seen) {
  BOOST_OUTCOME_CO_TRY(auto control, control_for(parts, order));
  co_return co_await policy_governs(*control, order, queue_of(parts, order), policy_name, definition_of(order));
}

asio::awaitable<Result<Proof>> revert(Parts& parts, const protocol::StepOrder& order, Seen seen) {
  return put_policy_back(parts, order, policy_name, seen);
}

}  // namespace

const Fault broker_queue_full{
    .name = "broker.queue_full",
    .plan = plan,
    .look = look,
    .apply = apply,
    .revert = revert,
    .in_force = in_force,
    .able = able_to_steer_broker,
};

}  // namespace troop::agents
