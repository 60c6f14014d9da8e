// The undo journal: what has to be put back, on disk before it is changed, so that it outlives a SIGKILLed agent.
//
// One preallocated file per agent in the state folder, one JSON record a line, fsync'ed: {"n":3,"kind":"process",…}
// opens a debt, {"done":3} settles it, {"agent":{…}} says whose journal it is. The agent holds a lock on its file; a
// file without a lock belongs to a dead agent, and its guardian or the next agent that starts pays its debts
// (`clean_up_after_the_dead`), newest first, under the lock. A file without debts is removed.
//
// Records carry boot id, pid and start time: after a reboot, or when the pid is another's, there is nothing to undo.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agents/host/process.hpp"
#include "common/error.hpp"
#include "common/unique_fd.hpp"

namespace troop::agents {

/// Something to put back, as data. `kind` is "process" (end it), "workspace" or "control-group" (remove it), "fault"
/// (see fault.hpp), or what a fault has said that it is: each such kind stands with whoever puts it back.
struct UndoRecord {
  std::string kind;
  boost::json::object state;
  std::int64_t since_wall_ns = 0;  ///< When it was written down; since 1970, 0: not known.
};

class UndoJournal {
 public:
  /// A new journal in `folder` (made with mode 0700 if need be). Blocking.
  static Result<UndoJournal> create(const std::filesystem::path& folder);
  UndoJournal(UndoJournal&&) = default;
  UndoJournal& operator=(UndoJournal&&) = default;

  /// Writes down that this process keeps it, so that whoever finds the agent hung knows whom to end. Blocking.
  Result<void> sign();
  /// On disk when it returns: call it before the change, never after. Blocking (fsync). Returns the record's number.
  Result<std::int64_t> append(const UndoRecord& record);
  /// The debt is paid: the host is as before, and that was seen.
  Result<void> settle(std::int64_t number);
  [[nodiscard]] const std::map<std::int64_t, UndoRecord>& open() const { return open_; }
  /// Removes the file (and the folder, if it was the last) if nothing is owed; otherwise it stays for the next agent.
  void close();

 private:
  UndoJournal() = default;
  static Result<UndoJournal> create_in(const std::filesystem::path& folder);
  Result<void> write(const boost::json::object& line);

  std::filesystem::path path_;
  UniqueFd fd_;
  std::int64_t offset_ = 0;
  std::int64_t next_ = 1;
  std::map<std::int64_t, UndoRecord> open_;
};

/// Where the journals of this user's agents are: /run/troop for root, else below XDG_RUNTIME_DIR, else below the
/// temporary folder. TROOP_STATE_DIR overrides it.
std::filesystem::path state_folder();

/// Makes it, or checks that it is a folder of this user's, and admits nobody else but to look for a veto. Errors:
/// usage.
Result<void> make_private_folder(const std::filesystem::path& folder);

UndoRecord process_record(const std::string& part, const ProcessIdentity& process);
UndoRecord workspace_record(const std::filesystem::path& path);
/// Of a control group that is to be made; see plan_control_group().
UndoRecord control_group_record(const std::string& folder);

/// One agent's journal, as whoever looks at the host sees it.
struct JournalView {
  std::filesystem::path path;
  bool held = false;                     ///< By its agent, be it hung, or by whoever pays for a dead one.
  std::optional<ProcessIdentity> agent;  ///< Who signed it, in this boot.
  std::vector<UndoRecord> debts;         ///< Newest first: the order they are paid in.
};
/// The journals of this user's agents, the living and the dead; none where there is no such folder. Changes nothing.
/// Blocks on the disk. Errors: usage, where the folder or a journal cannot be read: nobody knows what is owed then.
Result<std::vector<JournalView>> look_at_journals(const std::filesystem::path& folder);

struct CleanUp {
  int journals = 0;                   ///< Of dead agents, found.
  int undone = 0;                     ///< Debts that were paid now.
  std::vector<std::string> problems;  ///< Debts that could not be paid; their journal stays.
};
/// Pays a record of a kind that is not known here; nothing where it does not know it either.
using Payer = std::function<std::optional<Result<void>>(const UndoRecord& record)>;
/// Pays what dead agents of this user still owe on this host. Whoever is already paying for one is waited for, at most
/// for `patience`. Blocking, a few seconds at most, beyond what `others` takes. Idempotent.
CleanUp clean_up_after_the_dead(const std::filesystem::path& folder, const Payer& others = {},
                                Duration patience = std::chrono::seconds{20});

}  // namespace troop::agents
