// network.loss: a share of the host's packets from or to its peers is dropped.
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

Result<UndoRecord> plan(Parts& parts, const protocol::StepOrder& order) { return plan_to_stop(parts, order, rule_of); }
asio::awaitable<Result<Proof>> apply(Parts& parts, const protocol::StepOrder& order, Seen) {
  return stop_packets(parts, order, rule_of);
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
