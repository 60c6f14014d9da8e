// broker.memory_alarm: the memory limit is set below what the broker uses, so that it blocks its publishers.
#include <fmt/format.h>

#include "agents/faults/control_faults.hpp"
#include "agents/faults/table.hpp"

namespace troop::agents {
namespace json = boost::json;
namespace {

constexpr std::int64_t limit_bytes = 1'000'000;  // no broker is that small

/// For people: "0.4", or as it is where it is no plain number.
std::string text_of(const json::value& limit) {
  return limit.is_double() ? fmt::format("{}", limit.get_double()) : json::serialize(limit);
}

asio::awaitable<Result<void>> look(Parts& parts, const protocol::StepOrder& order, json::object& state) {
  BOOST_OUTCOME_CO_TRY(auto control, control_for(parts, order));
  BOOST_OUTCOME_CO_TRY(auto now, co_await control->limits());
  if (now.memory_alarm) co_return not_proven(order, "the memory alarm is in force already");
  state["memory_limit"] = now.memory;
  co_return success();
}

asio::awaitable<Result<Proof>> apply(Parts& parts, const protocol::StepOrder& order, Seen seen) {
  BOOST_OUTCOME_CO_TRY(auto control, control_for(parts, order));
  BOOST_OUTCOME_CO_TRY(auto now, co_await control->set_memory_limit(limit_bytes, true));
  if (!now.memory_alarm) co_return not_proven(order, "the broker raised no memory alarm");
  co_return Proof{monotonic_ns(), fmt::format("the broker's memory alarm is in force: limit {} bytes, before {}",
                                              limit_bytes, text_of(seen.at("memory_limit")))};
}

asio::awaitable<Result<void>> in_force(Parts& parts, const protocol::StepOrder& order, Seen) {
  BOOST_OUTCOME_CO_TRY(auto control, control_for(parts, order));
  BOOST_OUTCOME_CO_TRY(auto now, co_await control->limits());
  if (!now.memory_alarm) co_return not_proven(order, "the memory alarm is over");
  co_return success();
}

asio::awaitable<Result<Proof>> revert(Parts& parts, const protocol::StepOrder& order, Seen seen) {
  const json::value* limit = seen.if_contains("memory_limit");
  if (limit == nullptr) co_return co_await works_again(parts, order);
  BOOST_OUTCOME_CO_TRY(broker_runs(parts, order));
  BOOST_OUTCOME_CO_TRY(auto control, control_for(parts, order));
  auto now = co_await control->set_memory_limit(*limit, false);
  if (now.has_error()) co_return not_restored(order, now.error());
  if (now.value().memory != *limit) co_return not_restored(order, "the memory limit is not as it was");
  if (now.value().memory_alarm) co_return not_restored(order, "the memory alarm stays in force");
  co_return co_await works_again(parts, order, "no memory alarm, limit " + text_of(*limit));
}

}  // namespace

const Fault broker_memory_alarm{
    .name = "broker.memory_alarm",
    .plan = plan_on_broker,
    .look = look,
    .apply = apply,
    .revert = revert,
    .in_force = in_force,
    .able = able_to_steer_broker,
};

}  // namespace troop::agents
