// What Troop has in force on this host, and how a person ends it: `troop-agent status` and `troop-agent undo --all`.
// Both work from the undo journals, whether an agent runs, hangs or is gone.
#pragma once

#include <boost/json/array.hpp>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "agents/undo_journal.hpp"

namespace troop::agents {

/// One paragraph for each agent; says so where there is nothing.
std::string to_text(std::span<const JournalView> journals);
/// [{"journal","agent":pid,"condition":"alive|stopped|dead","debts":[{"kind","what","since"}]}]
boost::json::array to_json(std::span<const JournalView> journals);

/// What undoing came to.
struct Undone {
  int agents = 0;                     ///< Were ended: asked first, killed where they hung.
  int debts = 0;                      ///< Were paid here; those that the ended agents paid themselves are not counted.
  std::vector<std::string> problems;  ///< What is not as it was before.
};

/// Ends this user's agents (one that runs gets `patience` to put everything back itself; one that is stopped is killed
/// at once), then pays what is still owed. Blocking. Idempotent.
Undone undo_all(const std::filesystem::path& folder, Duration patience, const Payer& others);

}  // namespace troop::agents
