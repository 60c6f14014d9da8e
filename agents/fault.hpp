// The contract of a reversible fault.
//
//   plan     reads, changes nothing: whether the victim can be hit, and what to write into the undo journal
//   (the caller appends that record to the journal, on disk, before it goes on)
//   apply    changes the host, then proves that it took effect
//   revert   puts it back and proves that; safe when apply ran fully, partly or never, and safe to repeat
//
// A fault is a row of functions without state of its own: what undo needs is data (UndoRecord), so that it can outlive
// the agent. Names, parameters, limits and what cannot be undone are in scenarios/model/faults.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <span>
#include <string_view>

#include "agents/part.hpp"
#include "agents/protocol/messages.hpp"
#include "agents/undo_journal.hpp"
#include "common/error.hpp"

namespace troop::agents {

struct Fault {
  std::string_view name;
  Result<UndoRecord> (*plan)(Parts& parts, const protocol::StepOrder& order);
  asio::awaitable<Result<Proof>> (*apply)(Parts& parts, const protocol::StepOrder& order);
  asio::awaitable<Result<Proof>> (*revert)(Parts& parts, const protocol::StepOrder& order);
};

/// All faults of this agent. The catalogue in scenarios/model/faults has the same names (a contract test compares
/// them).
std::span<const Fault> faults();
/// nullptr where there is none.
const Fault* find_fault(std::string_view name);

}  // namespace troop::agents
