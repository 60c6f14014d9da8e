// The net under an agent that is killed or hangs: a process of its own, forked before the agent changes anything, that
// ends the hung one and pays from the journal what it can no longer put back. What it pays is JSON, and may need a
// broker's management: so it allocates and forks when it acts, and is kept from the OOM killer until then.
#pragma once

#include <filesystem>

#include "agents/undo_journal.hpp"
#include "common/clock.hpp"
#include "common/error.hpp"
#include "common/unique_fd.hpp"

namespace troop::agents {

/// The agent's end of it. Silence for longer than the lease counts as hanging; a machine that sleeps does not.
class Guardian {
 public:
  /// Forks it, out of reach of the agent's signals and of those who end what the agent leaves. To be called while there
  /// is one thread and no journal: the guardian would hold its lock. What it puts back, and what it cannot, it says on
  /// standard error. `folder`: of the journals; `others` as in clean_up_after_the_dead. Errors: usage.
  static Result<Guardian> fork(const std::filesystem::path& folder, Duration lease, const Payer& others);
  Guardian(Guardian&&) = default;
  Guardian& operator=(Guardian&&) = delete;

  /// "I live." Does not block.
  void beat() const { say('.'); }
  /// Everything is put back: it ends and does nothing. After an agent that ends without this it looks for debts.
  void dismiss() const { say(dismissal); }

  static constexpr char dismissal = 'q';

 private:
  explicit Guardian(UniqueFd pipe) : pipe_(std::move(pipe)) {}
  void say(char byte) const;

  UniqueFd pipe_;
};

}  // namespace troop::agents
