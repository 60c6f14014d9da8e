// network.bandwidth: what the host sends to its peers leaves at a limited rate.
#include "agents/faults/control_faults.hpp"
#include "agents/faults/network_faults.hpp"
#include "agents/faults/table.hpp"
#include "agents/shaping_record.hpp"

namespace troop::agents {
namespace {

constexpr double mbit_min = 0.01, mbit_max = 100'000;

struct HeldLimit : NetworkHolding {
  HeldLimit(PacketFilter started, Shaping made) : filter(std::move(started)), shaping(std::move(made)) {}
  Result<void> renew() override {
    BOOST_OUTCOME_TRY(shaped(shaping));
    return filter.renew();
  }
  Result<std::optional<std::string>> effect() override {
    BOOST_OUTCOME_TRY(const auto counts, shaped(shaping));
    if (counts.packets == 0) return std::nullopt;
    return fmt::format("{} packets with {} bytes left at that rate; the rate was reached {} times", counts.packets,
                       counts.bytes, counts.waited);
  }
  Result<void> stop() override { return filter.stop(); }

  PacketFilter filter;
  Shaping shaping;
};

struct Limit {
  Traffic traffic;
  std::uint64_t bytes_per_second = 0;
};

Result<Limit> limit_of(Parts& parts, const protocol::StepOrder& order) {
  Limit limit;
  BOOST_OUTCOME_TRY(limit.traffic, traffic_of(parts, order));
  limit.traffic.direction = Direction::out;
  BOOST_OUTCOME_TRY(const double mbit, number_parameter(order, "rate_mbit"));
  if (!(mbit >= mbit_min && mbit <= mbit_max)) {
    return usage_error(fmt::format("{}: 'rate_mbit' is from {} to {}", order.fault, mbit_min, mbit_max));
  }
  limit.bytes_per_second = static_cast<std::uint64_t>(mbit * 1e6 / 8);
  return limit;
}

Result<Shaping> shaping_for(const Limit& limit, const protocol::StepOrder& order) {
  auto shaping = plan_shaping(limit.traffic.peers);
  if (shaping.has_error()) return std::move(shaping).error().within(order.fault);
  return shaping;
}

Result<UndoRecord> plan(Parts& parts, const protocol::StepOrder& order) {
  BOOST_OUTCOME_TRY(const auto limit, limit_of(parts, order));
  BOOST_OUTCOME_TRY(shaping_for(limit, order));
  BOOST_OUTCOME_TRY(auto record, network_record(order));
  record.kind = shaping_kind;
  return record;
}

asio::awaitable<Result<void>> look(Parts& parts, const protocol::StepOrder& order, boost::json::object& state) {
  BOOST_OUTCOME_CO_TRY(const auto limit, limit_of(parts, order));
  BOOST_OUTCOME_CO_TRY(const auto shaping, shaping_for(limit, order));
  note_shaping(state, shaping);
  co_return success();
}

asio::awaitable<Result<Proof>> apply(Parts& parts, const protocol::StepOrder& order, Seen seen) {
  BOOST_OUTCOME_CO_TRY(auto limit, limit_of(parts, order));
  auto shaping = noted_shaping(seen);
  if (shaping.number == 0) co_return Error{ErrorKind::protocol, order.fault + ": nobody looked before"};
  auto made = shape(shaping, limit.bytes_per_second);
  if (made.has_error()) co_return std::move(made).error().within(order.fault);
  StopRule rule{.traffic = std::move(limit.traffic), .how = Stop::classify, .priority = shaping.priority()};
  auto started = PacketFilter::start(std::move(rule), protocol::lease);
  if (started.has_error()) co_return std::move(started).error().within(order.fault);
  auto held = std::make_unique<HeldLimit>(std::move(started).value(), std::move(shaping));
  co_return co_await take_effect(parts, order, std::move(held));
}

asio::awaitable<Result<Proof>> revert(Parts& parts, const protocol::StepOrder& order, Seen seen) {
  BOOST_OUTCOME_CO_TRY(auto ended, co_await end_network_fault(parts, order, seen));
  if (auto gone = unshape(noted_shaping(seen)); gone.has_error()) co_return not_restored(order, gone.error());
  ended.time = monotonic_ns();
  ended.text += "; its class of traffic too";
  co_return ended;
}

}  // namespace

const Fault network_bandwidth{
    .name = "network.bandwidth",
    .plan = plan,
    .look = look,
    .apply = apply,
    .revert = revert,
    .able = try_shaping,
};

}  // namespace troop::agents
