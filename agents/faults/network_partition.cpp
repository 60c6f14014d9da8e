// network.partition: packets of the host from or to its peers are dropped.
#include "agents/faults/network_faults.hpp"
#include "agents/faults/table.hpp"

namespace troop::agents {
namespace {

Result<StopRule> rule_of(Parts& parts, const protocol::StepOrder& order) {
  BOOST_OUTCOME_TRY(auto traffic, traffic_of(parts, order));
  return StopRule{.traffic = std::move(traffic), .how = Stop::drop};
}

Result<UndoRecord> plan(Parts& parts, const protocol::StepOrder& order) { return plan_to_stop(parts, order, rule_of); }
asio::awaitable<Result<Proof>> apply(Parts& parts, const protocol::StepOrder& order, Seen) {
  return stop_packets(parts, order, rule_of);
}

}  // namespace

const Fault network_partition{
    .name = "network.partition",
    .plan = plan,
    .apply = apply,
    .revert = end_network_fault,
    .able = try_nftables,
};

}  // namespace troop::agents
