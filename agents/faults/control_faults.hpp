// What the faults that steer a running broker have in common.
//
// Their effects live in the broker: a broker that dies takes some of them with it (limits, suspended listeners) and not
// others (policies, durable definitions). So revert looks at a broker that answers, or says loudly that there is none.
#pragma once

#include <string>

#include "agents/fault.hpp"

namespace troop::agents {

/// The victim exists; the record names it. The broker is not asked: it does not run yet.
Result<UndoRecord> plan_on_broker(Parts& parts, const protocol::StepOrder& order);

/// A broker can be started here, and its Erlang node asked.
Ability able_to_steer_broker();

/// Errors: usage without a victim, lost where nothing can steer the broker.
Result<BrokerControl*> control_for(Parts& parts, const protocol::StepOrder& order);

/// A parameter of the step; `otherwise` where it is not given, or is of another type.
std::string text_parameter(const protocol::StepOrder& order, std::string_view name, const std::string& otherwise);
std::int64_t integer_parameter(const protocol::StepOrder& order, std::string_view name, std::int64_t otherwise);
/// The parameter `queue`; without it the workload's.
std::string queue_of(Parts& parts, const protocol::StepOrder& order);

/// The definition of the queue, which must exist. Errors: those of BrokerControl, and lost where it does not.
asio::awaitable<Result<boost::json::object>> existing_queue(BrokerControl& control, std::string name);

/// The victim does its work, as at the end of every revert. A broker process that is gone is an error at once: it died
/// of something else, which undo must not hide. Errors: unrestored, cancelled.
asio::awaitable<Result<Proof>> works_again(Parts& parts, const protocol::StepOrder& order);
/// The same, with `what` before its proof: what else was seen to be as before.
asio::awaitable<Result<Proof>> works_again(Parts& parts, const protocol::StepOrder& order, std::string what);
/// Whether the broker's process runs; without it nothing can be put back. Errors: unrestored.
Result<void> broker_runs(Parts& parts, const protocol::StepOrder& order);

/// in_force of what keeps new clients away.
asio::awaitable<Result<void>> takes_no_clients(Parts& parts, const protocol::StepOrder& order, Seen seen);

/// An error of kind unrestored (cancelled stays what it is): "broker.policy: …".
Error not_restored(const protocol::StepOrder& order, const Error& why);
Error not_restored(const protocol::StepOrder& order, std::string_view why);
/// The effect was not seen. Kind lost.
Error not_proven(const protocol::StepOrder& order, std::string_view why);

/// Whether every field of `wanted` is in `found` with the same value, lists without regard to their order.
bool has_all_of(const boost::json::object& found, const boost::json::object& wanted);

/// A pattern that matches this name and no other.
std::string exactly(std::string_view name);
/// The queue obeys the policy `name`, and so all of `definition`. Errors: lost where it does not.
asio::awaitable<Result<void>> policy_governs(BrokerControl& control, const protocol::StepOrder& order,
                                             std::string queue, std::string name, boost::json::object definition);
/// Puts the policy `name` back as it was seen (null: there was none) and proves that.
asio::awaitable<Result<Proof>> put_policy_back(Parts& parts, const protocol::StepOrder& order, std::string name,
                                               Seen seen);

}  // namespace troop::agents
