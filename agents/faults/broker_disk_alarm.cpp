// broker.disk_alarm: more free disk is demanded than any host has, so that the broker blocks its publishers.
#include <fmt/format.h>

#include "agents/faults/control_faults.hpp"
#include "agents/faults/table.hpp"

namespace troop::agents {
namespace json = boost::json;
namespace {

constexpr std::int64_t limit_bytes = std::int64_t{1} << 60;  // one exbibyte

asio::awaitable<Result<void>> look(Parts& parts, const protocol::StepOrder& order, json::object& state) {
  BOOST_OUTCOME_CO_TRY(auto control, control_for(parts, order));
  BOOST_OUTCOME_CO_TRY(auto now, co_await control->limits());
  if (now.disk_alarm) co_return not_proven(order, "the disk alarm is in force already");
  state["disk_limit"] = now.disk_free;
  co_return success();
}

asio::awaitable<Result<Proof>> apply(Parts& parts, const protocol::StepOrder& order, Seen seen) {
  BOOST_OUTCOME_CO_TRY(auto control, control_for(parts, order));
  BOOST_OUTCOME_CO_TRY(auto now, co_await control->set_disk_limit(limit_bytes, true));
  if (!now.disk_alarm) co_return not_proven(order, "the broker raised no disk alarm");
  co_return Proof{monotonic_ns(), fmt::format("the broker's disk alarm is in force: limit {} bytes, before {}",
                                              limit_bytes, json::serialize(seen.at("disk_limit")))};
}

asio::awaitable<Result<void>> in_force(Parts& parts, const protocol::StepOrder& order, Seen) {
  BOOST_OUTCOME_CO_TRY(auto control, control_for(parts, order));
  BOOST_OUTCOME_CO_TRY(auto now, co_await control->limits());
  if (!now.disk_alarm) co_return not_proven(order, "the disk alarm is over");
  co_return success();
}

asio::awaitable<Result<Proof>> revert(Parts& parts, const protocol::StepOrder& order, Seen seen) {
  const json::value* limit = seen.if_contains("disk_limit");
  if (limit == nullptr || !limit->is_int64()) co_return co_await works_again(parts, order);
  BOOST_OUTCOME_CO_TRY(broker_runs(parts, order));
  BOOST_OUTCOME_CO_TRY(auto control, control_for(parts, order));
  auto now = co_await control->set_disk_limit(limit->get_int64(), false);
  if (now.has_error()) co_return not_restored(order, now.error());
  if (now.value().disk_free != limit->get_int64()) co_return not_restored(order, "the disk limit is not as it was");
  if (now.value().disk_alarm) co_return not_restored(order, "the disk alarm stays in force");
  co_return co_await works_again(parts, order, fmt::format("no disk alarm, limit {} bytes", limit->get_int64()));
}

}  // namespace

const Fault broker_disk_alarm{
    .name = "broker.disk_alarm",
    .plan = plan_on_broker,
    .look = look,
    .apply = apply,
    .revert = revert,
    .in_force = in_force,
    .able = able_to_steer_broker,
};

}  // namespace troop::agents
