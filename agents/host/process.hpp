// Processes of this host: started, pinned by pidfd, signalled, awaited. Linux only.
#pragma once

#include <sys/types.h>

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/clock.hpp"
#include "common/error.hpp"
#include "common/unique_fd.hpp"

namespace troop::agents {

namespace asio = boost::asio;

/// As the system calls of these names, errno included: glibc 2.36 declares its own in C only.
int pidfd_open(pid_t pid);
int pidfd_send_signal(int pidfd, int number);

/// Names one process for ever: a pid alone is used again.
struct ProcessIdentity {
  pid_t pid = 0;
  std::uint64_t start_time = 0;  ///< Clock ticks since boot: field 22 of /proc/PID/stat, see proc(5).
};

/// What /proc says of a process now; nothing if there is none, or it is only a zombie.
std::optional<ProcessIdentity> identify(pid_t pid);
/// Whether exactly this process is there and no zombie.
bool lives(const ProcessIdentity& process);
/// The state letter of /proc/PID/stat: 'R', 'S', 'T' (stopped) …; 'Z' for a zombie, 0 where there is no such process.
char process_state(pid_t pid);
/// Pids of the direct children of this process, zombies included.
std::vector<pid_t> children();

struct Spawn {
  std::vector<std::string> argv;         ///< argv[0] is the path: no search, no shell.
  std::vector<std::string> environment;  ///< "NAME=value", complete: nothing is inherited.
  std::string output;                    ///< File that standard output and error are appended to.
  std::vector<int> inherited;            ///< Descriptors the child keeps, under the same numbers.
  std::string directory = {};            ///< Where it works; empty: where we do.
  int netns = -1;                        ///< The network namespace it lives in; -1: this thread's.
  int mounts = -1;                       ///< The mount namespace it lives in; -1: this process's.
  int group = -1;                        ///< The way into its control group, see way_into(); -1: this process's.
};

/// A child process. The kernel kills it when this process dies (PDEATHSIG), and the destructor does when it is dropped.
class Process {
 public:
  /// Starts it; an error of kind usage names what could not be executed. Call from the main thread only: PDEATHSIG
  /// follows the thread.
  static Result<Process> spawn(const Spawn& what);

  Process() = default;
  Process(Process&& other) noexcept;
  Process& operator=(Process&& other) noexcept;
  ~Process();

  [[nodiscard]] ProcessIdentity identity() const { return identity_; }
  [[nodiscard]] pid_t pid() const { return identity_.pid; }
  /// True until the process has ended; a zombie has ended. Does not block.
  [[nodiscard]] bool alive();
  /// "exit code 1", "killed by signal 9"; empty while it is alive.
  [[nodiscard]] std::string ending() const { return ending_; }
  [[nodiscard]] bool ended_well() const { return ended_well_; }
  /// Sends `number` to exactly this process (pidfd), never to one that got its pid later.
  Result<void> signal(int number);
  /// SIGCONT, SIGTERM, then after `grace` SIGKILL; returns when it is gone. An error only where even SIGKILL did not
  /// help.
  asio::awaitable<Result<void>> end(Duration grace);
  /// Waits until it has ended; false if it has not within `timeout`.
  asio::awaitable<bool> ended_within(Duration timeout);

 private:
  void kill_and_reap();

  ProcessIdentity identity_;
  UniqueFd pidfd_;
  bool reaped_ = true;
  bool ended_well_ = false;
  std::string ending_;
};

/// Ends a process that is not our child, if it is still the one that was meant. Blocking, at most `grace` + 1 s.
Result<void> end_stranger(const ProcessIdentity& identity, Duration grace);

/// A process that is not our child, pinned: whatever gets its pid later is never meant.
class Stranger {
 public:
  /// Errors: lost, where there is none.
  static Result<Stranger> find(pid_t pid);
  [[nodiscard]] pid_t pid() const { return identity_.pid; }
  [[nodiscard]] const ProcessIdentity& identity() const { return identity_; }
  /// What /proc calls it: the begin of its program's name.
  [[nodiscard]] const std::string& command() const { return command_; }
  [[nodiscard]] bool alive() const;
  /// Errors: lost.
  [[nodiscard]] Result<void> signal(int number) const;

 private:
  ProcessIdentity identity_;
  UniqueFd pidfd_;
  std::string command_;
};

/// While it lives, orphaned descendants do not become our children: a daemon that a command starts has to outlive us.
class OrphansGo {
 public:
  OrphansGo();
  ~OrphansGo();
  OrphansGo(const OrphansGo&) = delete;
  OrphansGo& operator=(const OrphansGo&) = delete;

 private:
  bool inherited_ = false;  ///< What it was before.
};

/// Makes this process inherit orphaned descendants, so that none escapes (PR_SET_CHILD_SUBREAPER).
Result<void> become_subreaper();
/// Ends and reaps children that nobody here started: daemons our children left behind. Returns how many.
/// `known` are the children that are still meant to run.
int end_orphans(const std::vector<pid_t>& known);

/// Suspends the coroutine. Throws nothing; cancelled waits just end early.
asio::awaitable<void> pause_for(Duration duration);

}  // namespace troop::agents
