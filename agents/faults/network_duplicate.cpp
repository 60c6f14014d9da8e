// network.duplicate: a share of the packets that arrive from the host's peers arrives twice, or of those that leave for
// them leaves twice.
#include "agents/faults/altered_packets.hpp"
#include "agents/faults/table.hpp"
#include "agents/faults/traffic_class.hpp"

namespace troop::agents {
namespace {

Result<AlterationRule> rule_of(Parts& parts, const protocol::StepOrder& order) {
  return alteration_of(parts, order, {.traffic = {}, .what = Alteration::duplicate});
}

Result<UndoRecord> plan(Parts& parts, const protocol::StepOrder& order) { return plan_to_alter(parts, order, rule_of); }

asio::awaitable<Result<void>> look(Parts& parts, const protocol::StepOrder& order, boost::json::object& state) {
  return look_before_altering(parts, order, state, rule_of);
}

asio::awaitable<Result<Proof>> apply(Parts& parts, const protocol::StepOrder& order, Seen seen) {
  return alter(parts, order, seen, rule_of);
}

}  // namespace

const Fault network_duplicate{
    .name = "network.duplicate",
    .plan = plan,
    .look = look,
    .apply = apply,
    .revert = end_altering,
    .able = able_either_way,
};

}  // namespace troop::agents
