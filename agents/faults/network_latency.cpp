// network.latency: packets that arrive from the host's peers are held for a while.
#include "agents/faults/control_faults.hpp"
#include "agents/faults/network_faults.hpp"
#include "agents/faults/table.hpp"
#include "agents/host/packet_delay.hpp"

namespace troop::agents {
namespace {

constexpr Duration look_interval = std::chrono::milliseconds{10};

struct HeldDelay : Holding {
  explicit HeldDelay(PacketDelay started) : delay(std::move(started)) {}
  Result<void> renew() override { return delay.renew(); }
  PacketDelay delay;
};

Duration duration_parameter(const protocol::StepOrder& order, std::string_view name) {
  const auto found = order.parameters.find(name);
  const auto* duration = found == order.parameters.end() ? nullptr : std::get_if<Duration>(&found->second);
  return duration == nullptr ? Duration{0} : *duration;
}

Result<DelayRule> rule_of(Parts& parts, const protocol::StepOrder& order) {
  static constexpr std::array spreads{std::pair{std::string_view{"uniform"}, Spread::uniform},
                                      std::pair{std::string_view{"normal"}, Spread::normal},
                                      std::pair{std::string_view{"pareto"}, Spread::pareto}};
  DelayRule rule;
  BOOST_OUTCOME_TRY(rule.traffic, traffic_of(parts, order));
  BOOST_OUTCOME_TRY(rule.spread, chosen(order, "distribution", spreads));
  rule.delay = duration_parameter(order, "delay");
  rule.jitter = duration_parameter(order, "jitter");
  rule.seed = Random{static_cast<std::uint64_t>(order.number), order.fault}.next();
  if (auto sound = feasible(rule); sound.has_error()) return std::move(sound).error().within(order.fault);
  return rule;
}

std::string told(const Held& held) {
  return fmt::format("{} packets were held, {:.2f} ms each on average and {:.2f} ms at most; {} flowed on unheld",
                     held.packets, static_cast<double>(held.mean.count()) / 1e6,
                     static_cast<double>(held.longest.count()) / 1e6, held.unheld);
}

Result<UndoRecord> plan(Parts& parts, const protocol::StepOrder& order) {
  BOOST_OUTCOME_TRY(rule_of(parts, order));
  return network_record(order);
}

asio::awaitable<Result<Proof>> apply(Parts& parts, const protocol::StepOrder& order, Seen) {
  BOOST_OUTCOME_CO_TRY(auto rule, rule_of(parts, order));
  const Duration patience = network_effect_max + rule.delay + 2 * rule.jitter;
  auto started = PacketDelay::start(std::move(rule), protocol::lease);
  if (started.has_error()) co_return std::move(started).error().within(order.fault);
  parts.holdings()[order.number] = std::make_unique<HeldDelay>(std::move(started).value());
  const std::int64_t deadline = monotonic_ns() + patience.count();
  while (monotonic_ns() < deadline) {
    auto* held = held_by<HeldDelay>(parts, order);
    if (held == nullptr) co_return undone_meanwhile(order);
    if (held->delay.released() > 0) {
      BOOST_OUTCOME_CO_TRY(const auto measured, held->delay.measured());
      const std::int64_t now = monotonic_ns();
      co_return Proof{now, told(measured)};
    }
    co_await pause_for(look_interval);
  }
  co_return not_proven(order, fmt::format("within {} no packet was held", model::to_text(patience)));
}

asio::awaitable<Result<Proof>> revert(Parts& parts, const protocol::StepOrder& order, Seen) {
  if (!parts.holdings().contains(order.number)) co_return Proof{monotonic_ns(), "nothing is held"};
  auto* held = held_by<HeldDelay>(parts, order);
  if (held == nullptr) co_return not_restored(order, "what is held is no delay");
  const auto measured = held->delay.measured();
  if (auto gone = held->delay.stop(); gone.has_error()) co_return not_restored(order, gone.error());
  parts.holdings().erase(order.number);
  const std::int64_t now = monotonic_ns();
  co_return Proof{now, "its table is gone" + (measured.has_value() ? "; " + told(measured.value()) : std::string{})};
}

}  // namespace

const Fault network_latency{
    .name = "network.latency",
    .plan = plan,
    .apply = apply,
    .revert = revert,
    .able = try_packet_queue,
};

}  // namespace troop::agents
