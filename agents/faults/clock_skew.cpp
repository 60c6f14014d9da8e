// clock.skew: a part's wall clock jumps. The part was started with a library that asks a file of ours for the offset (a
// worker: memory that it shares with us), and dies with its agent: so undo needs no record.
#include <fmt/format.h>

#include "agents/faults/control_faults.hpp"
#include "agents/faults/network_faults.hpp"
#include "agents/faults/table.hpp"
#include "agents/host/fake_clock.hpp"
#include "agents/rabbitmq/ability.hpp"

namespace troop::agents {
namespace {

constexpr Duration jump_max = std::chrono::seconds{8};  // shorter than the lease; the library looks once a second
constexpr Duration look_interval = std::chrono::milliseconds{100};

Result<Part*> part_of(Parts& parts, const protocol::StepOrder& order) {
  Part* part = parts.find(order.victim);
  if (part == nullptr) return usage_error(order.fault + ": there is no part named '" + order.victim + "'");
  return part;
}

Result<Duration> offset_of(const protocol::StepOrder& order) {
  static constexpr std::array signs{std::pair{std::string_view{"ahead"}, 1}, std::pair{std::string_view{"behind"}, -1}};
  BOOST_OUTCOME_TRY(const int sign, chosen(order, "direction", signs));
  const Duration offset = duration_parameter(order, "offset");
  if (offset < std::chrono::seconds{1}) return usage_error(order.fault + ": 'offset' is 1s at least");
  return sign * offset;
}

Result<UndoRecord> plan(Parts& parts, const protocol::StepOrder& order) {
  BOOST_OUTCOME_TRY(auto* const part, part_of(parts, order));
  BOOST_OUTCOME_TRY(offset_of(order));
  if (auto ready = part->let_clock_be_set(); ready.has_error()) return std::move(ready).error().within(order.fault);
  return UndoRecord{"fault", {{"fault", order.fault}, {"victim", order.victim}}};
}

/// Sets the clock and waits until the part has that time. Asking takes a while, in which the answer may have been
/// given: what could as well be the time that it had `before` proves nothing. What was seen; an error where it does not
/// follow.
asio::awaitable<Result<std::string>> set(Part& part, Duration offset, Duration before) {
  BOOST_OUTCOME_CO_TRY(part.set_clock(offset));
  const std::int64_t deadline = monotonic_ns() + jump_max.count();
  while (true) {
    BOOST_OUTCOME_CO_TRY(const auto seen, co_await part.clock());
    const auto may_be = [&](Duration time) { return seen.least <= time && time <= seen.most; };
    if (may_be(offset) && !may_be(before)) {
      const auto seconds = [](Duration time) { return static_cast<double>(time.count()) / 1e9; };
      co_return fmt::format("its clock is between {:+.3f} s and {:+.3f} s of this machine's", seconds(seen.least),
                            seconds(seen.most));
    }
    if (monotonic_ns() > deadline) co_return Error{ErrorKind::lost, "its clock did not follow, as far as can be told"};
    co_await pause_for(look_interval);
  }
}

asio::awaitable<Result<Proof>> apply(Parts& parts, const protocol::StepOrder& order, Seen) {
  BOOST_OUTCOME_CO_TRY(auto* const part, part_of(parts, order));
  BOOST_OUTCOME_CO_TRY(const auto offset, offset_of(order));
  auto seen = co_await set(*part, offset, Duration{0});
  if (seen.has_error()) co_return std::move(seen).error().within(order.fault);
  co_return Proof{monotonic_ns(), std::move(seen).value()};
}

asio::awaitable<Result<void>> in_force(Parts& parts, const protocol::StepOrder& order, Seen) {
  BOOST_OUTCOME_CO_TRY(auto* const part, part_of(parts, order));
  BOOST_OUTCOME_CO_TRY(const auto offset, offset_of(order));
  BOOST_OUTCOME_CO_TRY(const auto seen, co_await part->clock());
  if (offset < seen.least || offset > seen.most) co_return not_proven(order, "its clock has another time by now");
  co_return success();
}

asio::awaitable<Result<Proof>> revert(Parts& parts, const protocol::StepOrder& order, Seen) {
  BOOST_OUTCOME_CO_TRY(auto* const part, part_of(parts, order));
  BOOST_OUTCOME_CO_TRY(const auto offset, offset_of(order));
  const bool is_broker = part->kind() == "broker";
  if (is_broker) {
    BOOST_OUTCOME_CO_TRY(broker_runs(parts, order));
  }
  auto seen = co_await set(*part, Duration{0}, offset);
  if (seen.has_error()) co_return not_restored(order, seen.error());
  if (is_broker) co_return co_await works_again(parts, order, std::move(seen).value());
  auto works = co_await part->ready();  // a worker does without its broker
  if (works.has_error()) co_return not_restored(order, works.error());
  co_return Proof{works.value().time, seen.value() + "; " + works.value().text};
}

Ability able() {
  const Ability broker = try_broker();
  if (!broker.able()) return broker;
  if (find_fake_clock().has_value()) return {};
  return {"no libfaketime on this host", "install it (apt-get install libfaketime)"};
}

}  // namespace

const Fault clock_skew{
    .name = "clock.skew",
    .plan = plan,
    .apply = apply,
    .revert = revert,
    .in_force = in_force,
    .able = able,
};

}  // namespace troop::agents
