// instance.kill: a Docker container is killed, and started again.
#include "agents/faults/container_faults.hpp"
#include "agents/faults/table.hpp"

namespace troop::agents {
namespace {

asio::awaitable<Result<Proof>> apply(Parts& parts, const protocol::StepOrder& order, Seen seen) {
  return take_container_down(parts, order, seen, "kill?signal=SIGKILL");
}

}  // namespace

const Fault instance_kill{
    .name = "instance.kill",
    .plan = plan_on_container,
    .look = look_at_container,
    .apply = apply,
    .revert = start_container_again,
    .able = try_docker,
};

}  // namespace troop::agents
