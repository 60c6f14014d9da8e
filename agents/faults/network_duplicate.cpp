// network.duplicate: a share of the packets that arrive from the host's peers arrives twice.
#include "agents/faults/network_faults.hpp"
#include "agents/faults/table.hpp"
#include "agents/host/packet_copier.hpp"

namespace troop::agents {
namespace {

Result<AlterationRule> rule_of(Parts& parts, const protocol::StepOrder& order) {
  return alteration_of(parts, order, {.traffic = {}, .what = Alteration::duplicate});
}

Result<UndoRecord> plan(Parts& parts, const protocol::StepOrder& order) {
  BOOST_OUTCOME_TRY(rule_of(parts, order));
  if (auto copier = PacketCopier::open(); copier.has_error()) return std::move(copier).error().within(order.fault);
  return network_record(order);
}

asio::awaitable<Result<Proof>> apply(Parts& parts, const protocol::StepOrder& order, Seen) {
  BOOST_OUTCOME_CO_TRY(auto rule, rule_of(parts, order));
  co_return co_await alter_packets(parts, order, std::move(rule));
}

}  // namespace

const Fault network_duplicate{
    .name = "network.duplicate",
    .plan = plan,
    .apply = apply,
    .revert = end_network_fault,
    .able = try_packet_queue,
};

}  // namespace troop::agents
