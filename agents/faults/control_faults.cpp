#include "agents/faults/control_faults.hpp"

#include <algorithm>

#include "agents/rabbitmq/ability.hpp"

namespace troop::agents {
namespace json = boost::json;

Result<UndoRecord> plan_on_broker(Parts& parts, const protocol::StepOrder& order) {
  if (parts.find(order.victim) == nullptr) {
    return usage_error(order.fault + ": there is no part named '" + order.victim + "'");
  }
  return UndoRecord{"fault", {{"fault", order.fault}, {"victim", order.victim}}};
}

Ability able_to_steer_broker() {
  const Ability broker = try_broker();
  return broker.able() ? try_erlang() : broker;
}

Result<BrokerControl*> control_for(Parts& parts, const protocol::StepOrder& order) {
  BOOST_OUTCOME_TRY(plan_on_broker(parts, order));
  BrokerControl* control = parts.broker_control();
  if (control == nullptr) return not_proven(order, "nothing here can steer the broker");
  return control;
}

std::string text_parameter(const protocol::StepOrder& order, std::string_view name, const std::string& otherwise) {
  const auto found = order.parameters.find(name);
  const auto* text = found == order.parameters.end() ? nullptr : std::get_if<std::string>(&found->second);
  return text == nullptr ? otherwise : *text;
}

std::int64_t integer_parameter(const protocol::StepOrder& order, std::string_view name, std::int64_t otherwise) {
  const auto found = order.parameters.find(name);
  const auto* number = found == order.parameters.end() ? nullptr : std::get_if<std::int64_t>(&found->second);
  return number == nullptr ? otherwise : *number;
}

std::string queue_of(Parts& parts, const protocol::StepOrder& order) {
  return text_parameter(order, "queue", parts.route().queue);
}

asio::awaitable<Result<json::object>> existing_queue(BrokerControl& control, std::string name) {
  BOOST_OUTCOME_CO_TRY(auto found, co_await control.queue(name));
  if (!found) co_return Error{ErrorKind::lost, "there is no queue '" + name + "'"};
  co_return std::move(*found);
}

Result<void> broker_runs(Parts& parts, const protocol::StepOrder& order) {
  Part* broker = parts.find("broker");
  if (broker != nullptr && broker->outsider() != nullptr) return success();  // it says so itself when it is asked
  if (broker == nullptr || !broker->process().alive()) {
    return not_restored(order, "the broker's process is gone" +
                                   (broker == nullptr ? std::string{} : ": " + broker->process().ending()));
  }
  return success();
}

asio::awaitable<Result<Proof>> works_again(Parts& parts, const protocol::StepOrder& order) {
  Part* part = parts.find(order.victim);
  if (part == nullptr) co_return usage_error(order.fault + ": there is no part named '" + order.victim + "'");
  BOOST_OUTCOME_CO_TRY(broker_runs(parts, order));
  if (part->outsider() == nullptr && !part->process().alive()) {
    co_return not_restored(order, part->name() + " is gone: " + part->process().ending());
  }
  co_return co_await part->ready();
}

asio::awaitable<Result<Proof>> works_again(Parts& parts, const protocol::StepOrder& order, std::string what) {
  BOOST_OUTCOME_CO_TRY(auto proof, co_await works_again(parts, order));
  proof.text = what + "; " + proof.text;
  co_return proof;
}

asio::awaitable<Result<void>> takes_no_clients(Parts& parts, const protocol::StepOrder& order, Seen) {
  BOOST_OUTCOME_CO_TRY(auto control, control_for(parts, order));
  BOOST_OUTCOME_CO_TRY(const bool accepts, co_await control->accepts_clients());
  if (accepts) co_return not_proven(order, "the broker accepts clients again");
  co_return success();
}

Error not_restored(const protocol::StepOrder& order, const Error& why) {
  const ErrorKind kind = why.kind == ErrorKind::cancelled ? ErrorKind::cancelled : ErrorKind::unrestored;
  return {kind, order.fault + ": " + why.context};
}

Error not_restored(const protocol::StepOrder& order, std::string_view why) {
  return {ErrorKind::unrestored, order.fault + ": " + std::string{why}};
}

Error not_proven(const protocol::StepOrder& order, std::string_view why) {
  return {ErrorKind::lost, order.fault + ": " + std::string{why}};
}

bool has_all_of(const json::object& found, const json::object& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const auto& field) {
    const json::value* value = found.if_contains(field.key());
    if (value == nullptr) return false;
    if (!field.value().is_array() || !value->is_array()) return *value == field.value();
    const auto& have = value->get_array();
    return std::all_of(field.value().get_array().begin(), field.value().get_array().end(),
                       [&](const json::value& one) { return std::find(have.begin(), have.end(), one) != have.end(); });
  });
}

std::string exactly(std::string_view name) {
  std::string pattern{"^"};
  for (const char c : name) {
    if (std::string_view{"\\^$.|?*+()[]{}"}.find(c) != std::string_view::npos) pattern += '\\';
    pattern += c;
  }
  return pattern + '$';
}

asio::awaitable<Result<void>> policy_governs(BrokerControl& control, const protocol::StepOrder& order,
                                             std::string queue, std::string name, json::object definition) {
  BOOST_OUTCOME_CO_TRY(auto now, co_await existing_queue(control, queue));
  const auto* governing = now.at("policy").if_string();
  const bool ours = governing != nullptr && std::string_view{*governing} == name;
  const bool effective =
      now.at("effective_policy").is_object() && has_all_of(now.at("effective_policy").get_object(), definition);
  if (!ours || !effective) co_return not_proven(order, "policy '" + name + "' does not govern " + queue);
  co_return success();
}

asio::awaitable<Result<Proof>> put_policy_back(Parts& parts, const protocol::StepOrder& order, std::string name,
                                               Seen seen) {
  const json::value* former = seen.if_contains("policy");
  if (former == nullptr) co_return co_await works_again(parts, order);
  BOOST_OUTCOME_CO_TRY(broker_runs(parts, order));
  BOOST_OUTCOME_CO_TRY(auto control, control_for(parts, order));
  Result<void> done = success();
  if (former->is_object()) {
    done = co_await control->set_policy(former->get_object());
  } else {
    done = co_await control->delete_policy(name);
  }
  if (done.has_error()) co_return not_restored(order, done.error());
  auto now = co_await control->policy(name);
  if (now.has_error()) co_return not_restored(order, now.error());
  const auto& found = now.value();
  const bool as_before = former->is_object() ? found && *found == former->get_object() : !found;
  if (!as_before) co_return not_restored(order, "policy '" + name + "' is not as it was");
  co_return co_await works_again(parts, order,
                                 "policy '" + name + (former->is_object() ? "' is as before" : "' is gone"));
}

}  // namespace troop::agents
