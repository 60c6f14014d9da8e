#include "agents/guardian.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <exception>
#include <fstream>
#include <optional>
#include <thread>

namespace troop::agents {
namespace {

constexpr int second_look_ms = 1000;
/// What cannot be paid at once, such as a broker that does not answer, may be a little later.
constexpr int tries = 5;
constexpr Duration between_tries = std::chrono::seconds{2};

enum class Heard { nothing, life, farewell };

/// Everything that is in the pipe.
Heard listen(int pipe) {
  Heard heard = Heard::nothing;
  std::array<char, 256> bytes;
  for (ssize_t count = 0; (count = read(pipe, bytes.data(), bytes.size())) > 0;) {
    if (std::find(bytes.begin(), bytes.begin() + count, Guardian::dismissal) != bytes.begin() + count)
      return Heard::farewell;
    heard = Heard::life;
  }
  return heard;
}

enum class End { dismissed, dead, hung };

End watch(int pipe, int agent, Duration lease) {
  const std::int64_t lease_ms = lease / std::chrono::milliseconds{1};
  std::int64_t last = monotonic_ns();
  bool open = true;
  bool suspected = false;
  while (true) {
    const std::int64_t before = monotonic_ns();
    const std::int64_t left_ms = std::max<std::int64_t>(0, lease_ms - (before - last) / 1'000'000);
    pollfd polled[] = {{open ? pipe : -1, POLLIN, 0}, {agent, POLLIN, 0}};
    if (poll(polled, 2, suspected ? second_look_ms : static_cast<int>(left_ms)) < 0) continue;
    const std::int64_t now = monotonic_ns();
    const Heard heard = listen(pipe);
    if (heard == Heard::farewell) return End::dismissed;
    if (polled[1].revents != 0) return End::dead;
    open = open && (polled[0].revents & POLLHUP) == 0;
    if (heard == Heard::life) {
      last = now;
      suspected = false;
    } else if ((now - last) / 1'000'000 >= lease_ms) {
      // Whoever was stopped together with the agent cannot tell how long it was silent: a second look, wide awake.
      if (suspected && (now - before) / 1'000'000 < 2 * second_look_ms) return End::hung;
      suspected = true;
    }
  }
}

void pay_debts(const std::filesystem::path& folder, const Payer& others) {
  for (int attempt = 1; attempt <= tries; ++attempt) {
    if (attempt > 1) std::this_thread::sleep_for(between_tries);
    CleanUp cleaned;
    try {
      cleaned = clean_up_after_the_dead(folder, others);
    } catch (const std::exception& thrown) {
      cleaned.problems.emplace_back(thrown.what());
    }
    if (cleaned.undone > 0) std::fprintf(stderr, "troop-guardian: put back %d things\n", cleaned.undone);
    if (cleaned.problems.empty()) return;
    for (const auto& problem : cleaned.problems) {
      std::fprintf(stderr, "troop-guardian: not put back: %s\n", problem.c_str());
    }
  }
}

/// While it lives, the OOM killer spares this process, if it is root's. Children would inherit that.
class Spared {
 public:
  Spared() {
    std::ifstream{path} >> before_;
    std::ofstream{path} << -1000;
  }
  Spared(const Spared&) = delete;
  Spared& operator=(const Spared&) = delete;
  ~Spared() { std::ofstream{path} << before_; }

 private:
  static constexpr const char* path = "/proc/self/oom_score_adj";
  int before_ = 0;
};

[[noreturn]] void guard(int pipe, int agent, const std::filesystem::path& folder, Duration lease, const Payer& others) {
  prctl(PR_SET_NAME, "troop-guardian");
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) std::signal(number, SIG_IGN);
  std::optional<Spared> spared{std::in_place};
  const End end = watch(pipe, agent, lease);
  spared.reset();
  if (end == End::dismissed) _exit(0);
  if (end == End::hung) {
    std::fputs("troop-guardian: the agent hangs and is killed\n", stderr);
    pidfd_send_signal(agent, SIGKILL);
    // However long that takes, on a disk that hangs too: while it lives it holds its journal, and nothing could be
    // paid.
    pollfd dying{agent, POLLIN, 0};
    while (poll(&dying, 1, -1) != 1) continue;
  }
  pay_debts(folder, others);
  _exit(0);
}

/// Leaves the guardian `pipe` and `agent`, and the standard streams. A socket that it held would hide the agent's
/// death.
void close_others(int pipe, int agent) {
  const auto [low, high] = std::minmax(pipe, agent);
  const auto close_from_to = [](int first, int last) {
    if (first <= last) close_range(static_cast<unsigned>(first), static_cast<unsigned>(last), 0);
  };
  close_from_to(STDERR_FILENO + 1, low - 1);
  close_from_to(low + 1, high - 1);
  close_range(static_cast<unsigned>(high) + 1, ~0U, 0);
}

}  // namespace

Result<Guardian> Guardian::fork(const std::filesystem::path& folder, Duration lease, const Payer& others) {
  const auto failed = [](const char* what) { return system_error(ErrorKind::usage, what, errno); };
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return failed("pipe");
  const UniqueFd hears{ends[0]};
  UniqueFd says{ends[1]};
  const UniqueFd agent{pidfd_open(getpid())};
  if (!agent) return failed("pidfd_open");
  const pid_t between = ::fork();
  if (between < 0) return failed("fork");
  if (between == 0) {
    // The guardian is nobody's child, so that nobody takes it for something that the agent left.
    setsid();
    const pid_t guardian = ::fork();
    if (guardian != 0) _exit(guardian < 0 ? 1 : 0);
    close_others(hears.get(), agent.get());
    guard(hears.get(), agent.get(), folder, lease, others);
  }
  int status = 0;
  while (waitpid(between, &status, 0) < 0 && errno == EINTR) continue;
  if (status != 0) return Error{ErrorKind::usage, "no guardian could be forked"};
  return Guardian{std::move(says)};
}

void Guardian::say(char byte) const {
  // A full pipe: it sleeps. A broken one: it is gone, and who could do anything about that?
  if (write(pipe_.get(), &byte, 1) < 0) return;
}

}  // namespace troop::agents
