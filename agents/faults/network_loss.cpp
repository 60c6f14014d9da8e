// network.loss: a share of the host's packets from or to its peers is dropped: each by itself, by the kernel's dice, or
// in bursts, by ours.
#include <fmt/format.h>

#include "agents/faults/network_faults.hpp"
#include "agents/faults/table.hpp"

namespace troop::agents {
namespace {

Result<StopRule> rule_of(Parts& parts, const protocol::StepOrder& order) {
  BOOST_OUTCOME_TRY(auto traffic, traffic_of(parts, order));
  const auto share = order.parameters.find("percent");
  const auto* percent = share == order.parameters.end() ? nullptr : std::get_if<double>(&share->second);
  if (percent == nullptr || !(*percent >= PacketFilter::percent_min && *percent <= 100)) {
    return usage_error(fmt::format("{}: 'percent' is from {} to 100", order.fault, PacketFilter::percent_min));
  }
  return StopRule{.traffic = std::move(traffic), .how = Stop::drop, .percent = *percent};
}

bool in_bursts(const protocol::StepOrder& order) { return order.parameters.contains("burst"); }

/// The kernel's dice remember nothing, so bursts are made where packets can be asked for one by one: on arrival.
Result<AlterationRule> rule_of_bursts(Parts& parts, const protocol::StepOrder& order) {
  AlterationRule rule{.traffic = {}, .what = Alteration::lose};
  BOOST_OUTCOME_TRY(rule.burst, number_parameter(order, "burst"));
  BOOST_OUTCOME_TRY(rule, alteration_of(parts, order, std::move(rule)));
  if (rule.traffic.direction != Direction::in) {
    return usage_error(order.fault + ": bursts are made of what arrives: 'burst' needs direction = \"in\"");
  }
  return rule;
}

Result<UndoRecord> plan(Parts& parts, const protocol::StepOrder& order) {
  if (!in_bursts(order)) return plan_to_stop(parts, order, rule_of);
  BOOST_OUTCOME_TRY(rule_of_bursts(parts, order));
  if (auto queue = PacketQueue::open(); queue.has_error()) return std::move(queue).error().within(order.fault);
  return network_record(order);
}

asio::awaitable<Result<Proof>> apply(Parts& parts, const protocol::StepOrder& order, Seen) {
  if (!in_bursts(order)) co_return co_await stop_packets(parts, order, rule_of);
  BOOST_OUTCOME_CO_TRY(auto rule, rule_of_bursts(parts, order));
  co_return co_await alter_packets(parts, order, std::move(rule));
}

}  // namespace

const Fault network_loss{
    .name = "network.loss",
    .plan = plan,
    .apply = apply,
    .revert = end_network_fault,
    .able = try_nftables,
};

}  // namespace troop::agents
