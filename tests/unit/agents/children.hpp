// Children of a test: started by fork, pinned by pidfd, watched through /proc. Nothing here waits for a time to pass,
// only for conditions, with a bound.
#pragma once

#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <fstream>
#include <string>
#include <string_view>

#include "agents/host/process.hpp"
#include "common/clock.hpp"
#include "common/unique_fd.hpp"

namespace troop::agents::test {

[[noreturn]] inline void wait_for_ever() {
  while (true) ::pause();
}

/// A child that runs `work` in a copy of this process; killed and reaped at the end.
class Fork {
 public:
  template <class Work>
  explicit Fork(Work work) : pid_(::fork()) {
    if (pid_ != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    work();
    _exit(0);
  }
  Fork(const Fork&) = delete;
  Fork& operator=(const Fork&) = delete;
  ~Fork() {
    ::kill(pid_, SIGKILL);
    exit_code();
  }
  [[nodiscard]] pid_t pid() const { return pid_; }
  /// Waits for its end: its exit code, or -1.
  int exit_code() const {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0) {
      if (errno != EINTR) return -1;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  pid_t pid_;
};

inline UniqueFd pin(pid_t pid) { return UniqueFd{static_cast<int>(syscall(SYS_pidfd_open, pid, 0U))}; }

/// Whether the pinned process has ended, or does so within `timeout`.
inline bool is_gone(const UniqueFd& pinned, Duration timeout) {
  pollfd waiting{pinned.get(), POLLIN, 0};
  return poll(&waiting, 1, static_cast<int>(timeout / std::chrono::milliseconds{1})) == 1;
}

/// Looks again and again until `condition` holds; false where it does not within 20 s.
template <class Condition>
bool until(Condition condition) {
  const std::int64_t deadline = monotonic_ns() + 20'000'000'000;
  while (!condition()) {
    if (monotonic_ns() > deadline) return false;
    ::sched_yield();
  }
  return true;
}

inline bool reaches_state(pid_t pid, std::string_view wanted) {
  return until([&] { return wanted.find(process_state(pid)) != std::string_view::npos; });
}

/// A line of /proc/PID/status.
inline std::string status_field(pid_t pid, const std::string& name) {
  std::ifstream file{"/proc/" + std::to_string(pid) + "/status"};
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(name + ":\t")) return line.substr(name.size() + 2);
  }
  return {};
}

/// Whether the process ignores the signal now.
inline bool ignores(pid_t pid, int number) {
  const std::string ignored = status_field(pid, "SigIgn");
  return !ignored.empty() && ((std::stoull(ignored, nullptr, 16) >> (number - 1)) & 1U) != 0;
}

}  // namespace troop::agents::test
