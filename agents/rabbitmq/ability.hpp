// Whether this host can run a RabbitMQ of ours, and steer it.
#pragma once

#include "agents/host/ability.hpp"
#include "scenarios/model/scenario.hpp"

namespace troop::agents {

/// What a broker is started with is there. Reads only.
Ability try_broker(const model::Broker& wanted = {});
/// Erlang runs: what a broker is steered with beyond signals. Half a second.
Ability try_erlang();

}  // namespace troop::agents
