// The contract of a reversible fault.
//
//   plan     before the run changes anything, and before its broker is started: reads, changes nothing; says whether
//   the
//            victim can be hit, and begins the undo record
//   look     right before apply: reads, changes nothing; adds the values to restore to the undo record, as they are
//            now. Refuses where the fault could not show (an alarm that is in force already)
//   (the caller appends that record to the journal, on disk, before it goes on)
//   apply    changes the host, then proves that it took effect
//   in_force right before revert: reads whether it still is as apply left it
//   revert   puts it back as the record says and proves that; safe when look or apply ran fully, partly or never (a
//            record without values to restore: look never ended, nothing was changed), and safe to repeat
//
// A fault is a row of functions without state of its own: what undo needs is data (UndoRecord), so that it can outlive
// the agent. Names, parameters, limits and what cannot be undone are in scenarios/model/faults.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/json.hpp>
#include <span>
#include <string_view>

#include "agents/host/ability.hpp"
#include "agents/part.hpp"
#include "agents/protocol/messages.hpp"
#include "agents/undo_journal.hpp"
#include "common/error.hpp"

namespace troop::agents {

/// The state of the undo record, for apply and revert. It outlives their coroutines.
using Seen = const boost::json::object&;

struct Fault {
  std::string_view name;
  Result<UndoRecord> (*plan)(Parts& parts, const protocol::StepOrder& order);
  /// nullptr: there is no more to read than plan did. `state` is the undo record's.
  asio::awaitable<Result<void>> (*look)(Parts& parts, const protocol::StepOrder& order,
                                        boost::json::object& state) = nullptr;
  asio::awaitable<Result<Proof>> (*apply)(Parts& parts, const protocol::StepOrder& order, Seen seen) = nullptr;
  asio::awaitable<Result<Proof>> (*revert)(Parts& parts, const protocol::StepOrder& order, Seen seen) = nullptr;
  /// Right before revert, of what was proven and lasts: reads, changes nothing. Errors: lost, where somebody else has
  /// ended it meanwhile, or it was not what it claims. nullptr: it acts at once, or what it holds (Holding) says
  /// enough.
  asio::awaitable<Result<void>> (*in_force)(Parts& parts, const protocol::StepOrder& order, Seen seen) = nullptr;
  /// Whether this host can do it at all: for `troop-agent doctor`. Tries, and leaves no trace; a second at most.
  /// nullptr: wherever an agent runs.
  Ability (*able)() = nullptr;
};

/// All faults of this agent. The catalogue in scenarios/model/faults has the same names (a contract test compares
/// them).
std::span<const Fault> faults();
/// nullptr where there is none.
const Fault* find_fault(std::string_view name);

}  // namespace troop::agents
