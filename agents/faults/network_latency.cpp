// network.latency: packets that arrive from the host's peers are held for a while.
#include "agents/faults/network_faults.hpp"
#include "agents/faults/table.hpp"
#include "agents/host/packet_delay.hpp"

namespace troop::agents {
namespace {

Result<DelayRule> rule_of(Parts& parts, const protocol::StepOrder& order) {
  static constexpr std::array spreads{std::pair{std::string_view{"uniform"}, Spread::uniform},
                                      std::pair{std::string_view{"normal"}, Spread::normal},
                                      std::pair{std::string_view{"pareto"}, Spread::pareto}};
  DelayRule rule;
  BOOST_OUTCOME_TRY(rule.traffic, traffic_of(parts, order));
  BOOST_OUTCOME_TRY(rule.spread, chosen(order, "distribution", spreads));
  rule.delay = duration_parameter(order, "delay");
  rule.jitter = duration_parameter(order, "jitter");
  rule.seed = seed_of(order);
  if (auto sound = feasible(rule); sound.has_error()) return std::move(sound).error().within(order.fault);
  return rule;
}

Result<std::optional<std::string>> told(const PacketDelay& delay) {
  if (delay.released() == 0) return std::nullopt;
  BOOST_OUTCOME_TRY(const auto held, delay.measured());
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
  auto held = std::make_unique<Held<PacketDelay, told>>(std::move(started).value());
  co_return co_await take_effect(parts, order, std::move(held), patience);
}

}  // namespace

const Fault network_latency{
    .name = "network.latency",
    .plan = plan,
    .apply = apply,
    .revert = end_network_fault,
    .able = try_packet_queue,
};

}  // namespace troop::agents
