// service.stop: a Docker container, or a service of systemd, is stopped the orderly way, and started again.
#include "agents/faults/container_faults.hpp"
#include "agents/faults/table.hpp"
#include "agents/faults/unit_faults.hpp"

namespace troop::agents {
namespace {

asio::awaitable<Result<Proof>> apply(Parts& parts, const protocol::StepOrder& order, Seen seen) {
  if (names_unit(order)) return stop_unit(parts, order, seen);
  return take_container_down(parts, order, seen, "stop?t=20");
}

}  // namespace

const Fault service_stop{
    .name = "service.stop",
    .plan = plan_on_service,
    .look = look_at_service,
    .apply = apply,
    .revert = start_service_again,
    .in_force = service_is_down,
    .able = try_services,
};

}  // namespace troop::agents
