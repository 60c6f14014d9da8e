// What a step holds until it is undone, for faults that wait for their proof meanwhile.
#pragma once

#include "agents/fault.hpp"

namespace troop::agents {

/// Nullptr where the step holds nothing (any more: whoever waits asks again), or something else.
template <class T>
T* held_by(Parts& parts, const protocol::StepOrder& order) {
  const auto held = parts.holdings().find(order.number);
  return held == parts.holdings().end() ? nullptr : dynamic_cast<T*>(held->second.get());
}

/// The step was put back while it was being applied.
inline Error undone_meanwhile(const protocol::StepOrder& order) {
  return {ErrorKind::cancelled, order.fault + ": undone before it was proven"};
}

}  // namespace troop::agents
