// network.corrupt: a bit is wrong in a share of the packets that arrive from the host's peers, or that leave for them.
#include "agents/faults/altered_packets.hpp"
#include "agents/faults/table.hpp"
#include "agents/faults/traffic_class.hpp"

namespace troop::agents {
namespace {

Result<AlterationRule> rule_of(Parts& parts, const protocol::StepOrder& order) {
  static constexpr std::array checksums{std::pair{std::string_view{"wrong"}, Checksum::wrong},
                                        std::pair{std::string_view{"right"}, Checksum::right}};
  AlterationRule rule{.traffic = {}, .what = Alteration::corrupt};
  BOOST_OUTCOME_TRY(rule.checksum, chosen(order, "checksum", checksums));
  return alteration_of(parts, order, std::move(rule));
}

Result<UndoRecord> plan(Parts& parts, const protocol::StepOrder& order) { return plan_to_alter(parts, order, rule_of); }

asio::awaitable<Result<void>> look(Parts& parts, const protocol::StepOrder& order, boost::json::object& state) {
  return look_before_altering(parts, order, state, rule_of);
}

asio::awaitable<Result<Proof>> apply(Parts& parts, const protocol::StepOrder& order, Seen seen) {
  return alter(parts, order, seen, rule_of);
}

}  // namespace

const Fault network_corrupt{
    .name = "network.corrupt",
    .plan = plan,
    .look = look,
    .apply = apply,
    .revert = end_altering,
    .able = able_either_way,
};

}  // namespace troop::agents
