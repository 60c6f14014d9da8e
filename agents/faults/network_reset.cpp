// network.reset: the host's connections with its peers are aborted.
#include "agents/faults/control_faults.hpp"
#include "agents/faults/network_faults.hpp"
#include "agents/faults/table.hpp"
#include "agents/host/tcp_connections.hpp"

namespace troop::agents {
namespace {

constexpr Duration look_interval = std::chrono::milliseconds{20};

Result<UndoRecord> plan(Parts& parts, const protocol::StepOrder& order) {
  BOOST_OUTCOME_TRY(traffic_of(parts, order));
  return UndoRecord{"fault", {{"fault", order.fault}, {"victim", order.victim}}};
}

asio::awaitable<Result<Proof>> apply(Parts& parts, const protocol::StepOrder& order, Seen) {
  BOOST_OUTCOME_CO_TRY(const auto traffic, traffic_of(parts, order));
  const std::int64_t deadline = monotonic_ns() + network_effect_max.count();
  while (monotonic_ns() < deadline) {
    const auto gone = reset_connections(traffic);
    const std::int64_t now = monotonic_ns();
    if (gone.has_error()) co_return Error{gone.error()}.within(order.fault);
    if (gone.value() > 0) {
      auto text = fmt::format("{} connections were reset{}", gone.value(), told_of(traffic.group));
      if (const auto exempt = traffic.exempt.told(); !exempt.empty()) text += "; exempt: " + exempt;
      co_return Proof{now, std::move(text)};
    }
    co_await pause_for(look_interval);
  }
  co_return not_proven(
      order, fmt::format("within {} there was no connection with its peers", model::to_text(network_effect_max)));
}

asio::awaitable<Result<Proof>> revert(Parts&, const protocol::StepOrder&, Seen) {
  co_return Proof{monotonic_ns(), "there is nothing to put back"};
}

}  // namespace

const Fault network_reset{
    .name = "network.reset",
    .plan = plan,
    .apply = apply,
    .revert = revert,
    .able = try_connection_reset,
};

}  // namespace troop::agents
