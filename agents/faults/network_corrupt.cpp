// network.corrupt: a bit is wrong in a share of the packets that arrive from the host's peers.
#include "agents/faults/network_faults.hpp"
#include "agents/faults/table.hpp"

namespace troop::agents {
namespace {

Result<AlterationRule> rule_of(Parts& parts, const protocol::StepOrder& order) {
  static constexpr std::array checksums{std::pair{std::string_view{"wrong"}, Checksum::wrong},
                                        std::pair{std::string_view{"right"}, Checksum::right}};
  AlterationRule rule{.traffic = {}, .what = Alteration::corrupt};
  BOOST_OUTCOME_TRY(rule.checksum, chosen(order, "checksum", checksums));
  return alteration_of(parts, order, std::move(rule));
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

const Fault network_corrupt{
    .name = "network.corrupt",
    .plan = plan,
    .apply = apply,
    .revert = end_network_fault,
    .able = try_packet_queue,
};

}  // namespace troop::agents
