// What the faults on a host's network have in common. The agent of the host lives in the network that it breaks.
//
// Undo needs no record: the kernel ends a filter with its agent, and by itself where the agent hangs.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "agents/fault.hpp"
#include "agents/host/packet_filter.hpp"

namespace troop::agents {

/// Without a packet that meets the fault for so long, it took no effect.
constexpr Duration network_effect_max = std::chrono::seconds{5};

/// The value of the parameter `name` in a table of choices; the first where the step does not say. Errors: usage.
template <class T, std::size_t n>
Result<T> chosen(const protocol::StepOrder& order, std::string_view name,
                 const std::array<std::pair<std::string_view, T>, n>& choices) {
  const auto given = order.parameters.find(name);
  if (given == order.parameters.end()) return choices.front().second;
  const auto* text = std::get_if<std::string>(&given->second);
  const auto found = std::find_if(choices.begin(), choices.end(),
                                  [&](const auto& choice) { return text != nullptr && choice.first == *text; });
  if (found == choices.end()) {
    return usage_error(fmt::format("{}: '{}' cannot be {}", order.fault, name, model::to_text(given->second)));
  }
  return found->second;
}

/// What the step holds; nullptr where it holds nothing (any more: whoever waits asks again), or something else.
template <class T>
T* held_by(Parts& parts, const protocol::StepOrder& order) {
  const auto held = parts.holdings().find(order.number);
  return held == parts.holdings().end() ? nullptr : dynamic_cast<T*>(held->second.get());
}
/// The step was put back while it was being applied.
Error undone_meanwhile(const protocol::StepOrder& order);

/// Which packets the step means; peers that are hosts of the scenario become addresses. Errors: usage.
Result<Traffic> traffic_of(Parts& parts, const protocol::StepOrder& order);

/// What a step stops. Errors: usage.
using StopRuleOf = Result<StopRule> (*)(Parts& parts, const protocol::StepOrder& order);

/// This process may use nftables here. Changes nothing. Errors: usage.
Result<UndoRecord> network_record(const protocol::StepOrder& order);
/// The rule has sense and this process may use nftables here. Changes nothing. Errors: usage.
Result<UndoRecord> plan_to_stop(Parts& parts, const protocol::StepOrder& order, StopRuleOf rule_of);
/// Proven when the kernel has stopped a packet. Errors: those of PacketFilter; lost where it stopped none.
asio::awaitable<Result<Proof>> stop_packets(Parts& parts, const protocol::StepOrder& order, StopRuleOf rule_of);
/// Proven when there is no such table any more. Errors: unrestored.
asio::awaitable<Result<Proof>> let_packets_pass(Parts& parts, const protocol::StepOrder& order, Seen seen);

}  // namespace troop::agents
