// network.reject: packets of the host from or to its peers are refused, and the sender is told.
#include "agents/faults/network_faults.hpp"
#include "agents/faults/table.hpp"

namespace troop::agents {
namespace {

Result<StopRule> rule_of(Parts& parts, const protocol::StepOrder& order) {
  BOOST_OUTCOME_TRY(auto traffic, traffic_of(parts, order));
  const auto how = order.parameters.find("with");
  if (how == order.parameters.end() || how->second == model::Value{"reset"}) {
    return StopRule{.traffic = std::move(traffic), .how = Stop::reset};
  }
  if (how->second == model::Value{"unreachable"}) {
    return StopRule{.traffic = std::move(traffic), .how = Stop::unreachable};
  }
  return usage_error(order.fault + ": 'with' cannot be " + model::to_text(how->second));
}

Result<UndoRecord> plan(Parts& parts, const protocol::StepOrder& order) { return plan_to_stop(parts, order, rule_of); }
asio::awaitable<Result<Proof>> apply(Parts& parts, const protocol::StepOrder& order, Seen) {
  return stop_packets(parts, order, rule_of);
}

}  // namespace

const Fault network_reject{
    .name = "network.reject",
    .plan = plan,
    .apply = apply,
    .revert = end_network_fault,
    .able = try_nftables,
};

}  // namespace troop::agents
