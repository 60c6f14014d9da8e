#include "agents/guardian.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

extern "C" {  // glibc 2.36 forgot it
#include <sys/pidfd.h>
}

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <thread>

namespace troop::agents {
namespace {

constexpr char beat_byte = '.';
constexpr char dismissal = 'q';
constexpr int oversleep_ms = 1000;
constexpr int death_max_ms = 5000;
/// What cannot be paid at once, such as a broker that does not answer, may be a little later.
constexpr int tries = 5;
constexpr Duration between_tries = std::chrono::seconds{2};

enum class Heard { nothing, life, farewell };

/// Everything that is in the pipe.
Heard listen(int pipe) {
  Heard heard = Heard::nothing;
  std::array<char, 256> bytes;
  for (ssize_t count = 0; (count = read(pipe, bytes.data(), bytes.size())) > 0;) {
    if (std::find(bytes.begin(), bytes.begin() + count, dismissal) != bytes.begin() + count) return Heard::farewell;
    heard = Heard::life;
  }
  return heard;
}

enum class End { dismissed, dead, hung };

End watch(int pipe, int agent, Duration lease) {
  const std::int64_t lease_ms = lease / std::chrono::milliseconds{1};
  std::int64_t last = monotonic_ns();
  bool open = true;
  while (true) {
    const std::int64_t before = monotonic_ns();
    const std::int64_t left_ms = std::max<std::int64_t>(0, lease_ms - (before - last) / 1'000'000);
    pollfd polled[] = {{open ? pipe : -1, POLLIN, 0}, {agent, POLLIN, 0}};
    if (poll(polled, 2, static_cast<int>(left_ms)) < 0) continue;
    const std::int64_t now = monotonic_ns();
    const Heard heard = listen(pipe);
    if (heard == Heard::farewell) return End::dismissed;
    if (polled[1].revents != 0) return End::dead;
    // Whoever slept himself, or was stopped together with the agent, cannot tell how long it was silent.
    const bool overslept = (now - before) / 1'000'000 > left_ms + oversleep_ms;
    if (heard == Heard::life || overslept) last = now;
    open = open && (polled[0].revents & POLLHUP) == 0;
    if ((now - last) / 1'000'000 >= lease_ms) return End::hung;
  }
}

void pay_debts(const std::filesystem::path& folder, const Payer& others) {
  for (int attempt = 1; attempt <= tries; ++attempt) {
    if (attempt > 1) std::this_thread::sleep_for(between_tries);
    const auto cleaned = clean_up_after_the_dead(folder, others);
    if (cleaned.undone > 0) std::fprintf(stderr, "troop-guardian: put back %d things\n", cleaned.undone);
    if (cleaned.problems.empty()) return;
    for (const auto& problem : cleaned.problems) {
      std::fprintf(stderr, "troop-guardian: not put back: %s\n", problem.c_str());
    }
  }
}

/// Whoever may, keeps the guardian when memory runs out.
void outlive_others() {
  const UniqueFd score{open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC)};
  if (score && write(score.get(), "-1000", 5) < 0) return;  // not root: it is as mortal as the rest
}

[[noreturn]] void guard(int pipe, int agent, const std::filesystem::path& folder, Duration lease, const Payer& others) {
  prctl(PR_SET_NAME, "troop-guardian");
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) std::signal(number, SIG_IGN);
  outlive_others();
  const End end = watch(pipe, agent, lease);
  if (end == End::dismissed) _exit(0);
  if (end == End::hung) {
    std::fputs("troop-guardian: the agent hangs and is killed\n", stderr);
    pidfd_send_signal(agent, SIGKILL, nullptr, 0);
    pollfd dying{agent, POLLIN, 0};
    poll(&dying, 1, death_max_ms);
  }
  pay_debts(folder, others);
  _exit(0);
}

/// Leaves the guardian `pipe` and `agent`, and standard error. A socket that it held would hide the agent's death.
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
  const UniqueFd agent{pidfd_open(getpid(), 0)};
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

Guardian::~Guardian() {
  if (pipe_ && write(pipe_.get(), &dismissal, 1) < 0) std::fputs("troop-agent: the guardian is gone\n", stderr);
}

void Guardian::beat() const {
  // A full pipe: it sleeps. A broken one: it is gone, and who could do anything about that?
  if (pipe_ && write(pipe_.get(), &beat_byte, 1) < 0) return;
}

}  // namespace troop::agents
