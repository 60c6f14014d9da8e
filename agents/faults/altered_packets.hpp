// What the faults have in common that alter a share of the packets: packet by packet where they arrive, or by netem
// where they leave. There the share goes into a class of its own, chosen by the kernel's dice, and netem does it to
// each.
#pragma once

#include "agents/faults/network_faults.hpp"

namespace troop::agents {

/// What a step alters. Errors: usage.
using AlterationRuleOf = Result<AlterationRule> (*)(Parts& parts, const protocol::StepOrder& order);

/// plan, look, apply and revert of them; `direction` says where.
Result<UndoRecord> plan_to_alter(Parts& parts, const protocol::StepOrder& order, AlterationRuleOf rule_of);
asio::awaitable<Result<void>> look_before_altering(Parts& parts, const protocol::StepOrder& order,
                                                   boost::json::object& state, AlterationRuleOf rule_of);
asio::awaitable<Result<Proof>> alter(Parts& parts, const protocol::StepOrder& order, Seen seen,
                                     AlterationRuleOf rule_of);
asio::awaitable<Result<Proof>> end_altering(Parts& parts, const protocol::StepOrder& order, Seen seen);

}  // namespace troop::agents
