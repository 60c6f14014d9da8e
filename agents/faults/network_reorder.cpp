// network.reorder: a share of the packets that arrive from the host's peers is overtaken by later ones.
#include "agents/faults/network_faults.hpp"
#include "agents/faults/table.hpp"

namespace troop::agents {
namespace {

Result<AlterationRule> rule_of(Parts& parts, const protocol::StepOrder& order) {
  return alteration_of(parts, order,
                       {.traffic = {}, .what = Alteration::reorder, .delay = duration_parameter(order, "delay")});
}

Result<UndoRecord> plan(Parts& parts, const protocol::StepOrder& order) {
  BOOST_OUTCOME_TRY(rule_of(parts, order));
  return network_record(order);
}

asio::awaitable<Result<Proof>> apply(Parts& parts, const protocol::StepOrder& order, Seen) {
  BOOST_OUTCOME_CO_TRY(auto rule, rule_of(parts, order));
  co_return co_await alter_packets(parts, order, std::move(rule));
}

}  // namespace

const Fault network_reorder{
    .name = "network.reorder",
    .plan = plan,
    .apply = apply,
    .revert = end_network_fault,
    .able = try_packet_queue,
};

}  // namespace troop::agents
