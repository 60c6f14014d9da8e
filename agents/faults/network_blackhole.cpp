// network.blackhole: one service of the peers is not there any more: what goes to it and what comes from it is dropped.
#include "agents/faults/network_faults.hpp"
#include "agents/faults/table.hpp"

namespace troop::agents {
namespace {

Result<StopRule> rule_of(Parts& parts, const protocol::StepOrder& order) {
  BOOST_OUTCOME_TRY(auto traffic, traffic_of(parts, order));
  if (traffic.ports.empty()) return usage_error(order.fault + ": a service has a 'port'");
  traffic.only_peers_ports = true;
  return StopRule{.traffic = std::move(traffic), .how = Stop::drop};
}

Result<UndoRecord> plan(Parts& parts, const protocol::StepOrder& order) { return plan_to_stop(parts, order, rule_of); }
asio::awaitable<Result<Proof>> apply(Parts& parts, const protocol::StepOrder& order, Seen) {
  return stop_packets(parts, order, rule_of);
}

}  // namespace

const Fault network_blackhole{
    .name = "network.blackhole",
    .plan = plan,
    .apply = apply,
    .revert = end_network_fault,
    .able = try_nftables,
};

}  // namespace troop::agents
