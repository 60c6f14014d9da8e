#include "agents/host/process.hpp"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <sstream>

namespace troop::agents {
namespace {

constexpr Duration poll_interval = std::chrono::milliseconds{5};
constexpr Duration kill_max = std::chrono::seconds{5};

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (const auto& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

/// Fields of /proc/PID/stat from the third on: the second is a name in parentheses that may hold anything.
std::vector<std::string> stat_fields(pid_t pid) {
  std::ifstream file{"/proc/" + std::to_string(pid) + "/stat"};
  std::string text;
  std::getline(file, text);
  const auto name_end = text.rfind(')');
  if (name_end == std::string::npos) return {};
  std::istringstream rest{text.substr(name_end + 1)};
  std::vector<std::string> fields;
  for (std::string field; rest >> field;) fields.push_back(field);
  return fields;
}

/// Where the kernel spares an agent that runs out of memory, its children are not meant. Async-signal-safe.
void be_as_dispensable_as_others() {
  const int score = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
  char sign = 0;
  if (score >= 0 && read(score, &sign, 1) == 1 && sign == '-') (void)!pwrite(score, "0", 1, 0);
  if (score >= 0) close(score);
}

/// Runs in the child between fork and exec: only async-signal-safe calls. Reports errno through `report`.
[[noreturn]] void become(const Spawn& what, char* const* argv, char* const* environment, int output, pid_t parent,
                         int report) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);  // the parent died before the line above
  setpgid(0, 0);                        // the terminal's Ctrl-C is not for us
  const rlimit no_core{0, 0};           // a killed worker leaves no file behind
  setrlimit(RLIMIT_CORE, &no_core);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
  be_as_dispensable_as_others();
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  const int nothing = open("/dev/null", O_RDONLY);
  dup2(nothing, STDIN_FILENO);
  if (nothing > STDERR_FILENO) close(nothing);
  close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);  // also what whoever started us left open
  for (const int fd : what.inherited) fcntl(fd, F_SETFD, 0);
  const bool placed = (what.group < 0 || write(what.group, "0", 1) == 1) &&
                      (what.netns < 0 || setns(what.netns, CLONE_NEWNET) == 0) &&
                      (what.mounts < 0 || setns(what.mounts, CLONE_NEWNS) == 0);
  if (placed && (what.directory.empty() || chdir(what.directory.c_str()) == 0)) execve(argv[0], argv, environment);
  const int failure = errno;
  if (write(report, &failure, sizeof failure) != sizeof failure) _exit(126);
  _exit(127);
}

std::string describe(const siginfo_t& info) {
  if (info.si_code == CLD_EXITED) return "exit code " + std::to_string(info.si_status);
  return "killed by signal " + std::to_string(info.si_status);
}

}  // namespace

bool lives(const ProcessIdentity& process) {
  const auto now = identify(process.pid);
  return now && now->start_time == process.start_time;
}

char process_state(pid_t pid) {
  const auto fields = stat_fields(pid);
  return fields.empty() ? '\0' : fields[0][0];
}

int pidfd_open(pid_t pid) { return static_cast<int>(syscall(SYS_pidfd_open, pid, 0U)); }
int pidfd_send_signal(int pidfd, int number) {
  return static_cast<int>(syscall(SYS_pidfd_send_signal, pidfd, number, nullptr, 0U));
}

std::optional<ProcessIdentity> identify(pid_t pid) {
  const auto fields = stat_fields(pid);
  if (fields.size() < 20 || fields[0] == "Z" || fields[0] == "X") return std::nullopt;
  return ProcessIdentity{pid, std::stoull(fields[19])};
}

std::vector<pid_t> children() {
  std::ifstream file{"/proc/self/task/" + std::to_string(getpid()) + "/children"};
  std::vector<pid_t> out;
  for (pid_t pid = 0; file >> pid;) out.push_back(pid);
  return out;
}

Result<Process> Process::spawn(const Spawn& what) {
  const UniqueFd output{open(what.output.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)};
  if (!output) return system_error(ErrorKind::usage, what.output, errno);
  int report[2];
  if (pipe2(report, O_CLOEXEC) != 0) return system_error(ErrorKind::lost, "pipe", errno);
  const UniqueFd report_read{report[0]};
  UniqueFd report_write{report[1]};
  const auto argv = pointers(what.argv);
  const auto environment = pointers(what.environment);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) return system_error(ErrorKind::lost, "fork", errno);
  if (pid == 0) become(what, argv.data(), environment.data(), output.get(), parent, report_write.get());

  Process process;
  process.identity_.pid = pid;
  process.reaped_ = false;
  process.pidfd_.reset(pidfd_open(pid));
  report_write.reset();
  int failure = 0;
  ssize_t got = 0;
  do {
    got = read(report_read.get(), &failure, sizeof failure);  // ends at exec or with the reason
  } while (got < 0 && errno == EINTR);
  if (got == sizeof failure) return system_error(ErrorKind::usage, what.argv[0], failure);
  if (!process.pidfd_) return system_error(ErrorKind::lost, "pidfd_open", errno);
  if (const auto identity = identify(pid)) process.identity_ = *identity;
  return process;
}

Process::Process(Process&& other) noexcept { *this = std::move(other); }

Process& Process::operator=(Process&& other) noexcept {
  if (this == &other) return *this;
  kill_and_reap();
  identity_ = std::exchange(other.identity_, {});
  pidfd_ = std::move(other.pidfd_);
  reaped_ = std::exchange(other.reaped_, true);
  ended_well_ = other.ended_well_;
  ending_ = std::move(other.ending_);
  return *this;
}

Process::~Process() { kill_and_reap(); }

void Process::kill_and_reap() {
  if (reaped_) return;
  ::kill(identity_.pid, SIGKILL);  // not reaped yet: the pid is still ours
  siginfo_t info{};
  while (waitid(P_PID, static_cast<id_t>(identity_.pid), &info, WEXITED) != 0 && errno == EINTR) {
  }
  reaped_ = true;
}

bool Process::alive() {
  if (reaped_) return false;
  siginfo_t info{};
  if (waitid(P_PID, static_cast<id_t>(identity_.pid), &info, WEXITED | WNOHANG) != 0) {
    if (errno == EINTR) return true;
    reaped_ = true;  // ECHILD: somebody else reaped it
    ending_ = "ended unseen";
    return false;
  }
  if (info.si_pid == 0) return true;
  reaped_ = true;
  ending_ = describe(info);
  ended_well_ = info.si_code == CLD_EXITED && info.si_status == 0;
  return false;
}

Result<void> Process::signal(int number) {
  if (!alive()) return Error{ErrorKind::lost, "process " + std::to_string(pid()) + " has ended: " + ending_};
  if (pidfd_send_signal(pidfd_.get(), number) != 0) {
    return system_error(ErrorKind::lost, "signal " + std::to_string(number), errno);
  }
  return success();
}

asio::awaitable<bool> Process::ended_within(Duration timeout) {
  const std::int64_t deadline = monotonic_ns() + timeout.count();
  while (alive()) {
    if (monotonic_ns() >= deadline) co_return false;
    co_await pause_for(poll_interval);
  }
  co_return true;
}

asio::awaitable<Result<void>> Process::end(Duration grace) {
  if (!alive()) co_return success();
  (void)signal(SIGTERM);
  (void)signal(SIGCONT);  // a stopped process does not see SIGTERM
  const bool ended = co_await ended_within(grace);
  if (ended) co_return success();
  (void)signal(SIGKILL);
  const bool killed = co_await ended_within(kill_max);
  if (killed) co_return success();
  co_return Error{ErrorKind::unrestored, "process " + std::to_string(pid()) + " survives SIGKILL"};
}

Result<void> end_stranger(const ProcessIdentity& identity, Duration grace) {
  const UniqueFd pidfd{pidfd_open(identity.pid)};
  if (!pidfd) return success();  // no such process
  const auto now = identify(identity.pid);
  if (!now || now->start_time != identity.start_time) return success();  // the pid is somebody else's by now
  const auto gone_within = [&](Duration timeout) {
    pollfd waiting{pidfd.get(), POLLIN, 0};
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(timeout).count();
    return poll(&waiting, 1, static_cast<int>(ms)) == 1;
  };
  pidfd_send_signal(pidfd.get(), SIGTERM);
  pidfd_send_signal(pidfd.get(), SIGCONT);
  if (gone_within(grace)) return success();
  pidfd_send_signal(pidfd.get(), SIGKILL);
  if (gone_within(std::chrono::seconds{1})) return success();
  if (!identify(identity.pid)) return success();  // a zombie whose parent does not reap is dead all the same
  return Error{ErrorKind::unrestored, "process " + std::to_string(identity.pid) + " survives SIGKILL"};
}

Result<Stranger> Stranger::find(pid_t pid) {
  Stranger found;
  found.pidfd_.reset(pidfd_open(pid));
  const auto identity = identify(pid);
  if (!found.pidfd_ || !identity) return Error{ErrorKind::lost, "there is no process " + std::to_string(pid)};
  found.identity_ = *identity;
  std::ifstream file{"/proc/" + std::to_string(pid) + "/comm"};
  std::getline(file, found.command_);
  // What was read is of the process that the descriptor pins only if that one is still there now.
  if (!found.alive()) return Error{ErrorKind::lost, "process " + std::to_string(pid) + " has just ended"};
  return found;
}

bool Stranger::alive() const {
  pollfd ended{pidfd_.get(), POLLIN, 0};
  return poll(&ended, 1, 0) == 0;
}

Result<void> Stranger::signal(int number) const {
  if (pidfd_send_signal(pidfd_.get(), number) != 0) {
    return system_error(ErrorKind::lost, "signal " + std::to_string(number) + " to pid " + std::to_string(pid()),
                        errno);
  }
  return success();
}

OrphansGo::OrphansGo() {
  int inherits = 0;
  inherited_ = prctl(PR_GET_CHILD_SUBREAPER, &inherits) == 0 && inherits != 0;
  if (inherited_) prctl(PR_SET_CHILD_SUBREAPER, 0);
}

OrphansGo::~OrphansGo() {
  if (inherited_) prctl(PR_SET_CHILD_SUBREAPER, 1);
}

Result<void> become_subreaper() {
  if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) return system_error(ErrorKind::lost, "PR_SET_CHILD_SUBREAPER", errno);
  return success();
}

int end_orphans(const std::vector<pid_t>& known) {
  int ended = 0;
  for (const pid_t pid : children()) {
    if (std::find(known.begin(), known.end(), pid) != known.end()) continue;
    ::kill(pid, SIGKILL);  // our child and not reaped: the pid cannot be another's
    siginfo_t info{};
    if (waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED) == 0) ++ended;
  }
  return ended;
}

asio::awaitable<void> pause_for(Duration duration) {
  asio::steady_timer timer{co_await asio::this_coro::executor, duration};
  (void)co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
}

}  // namespace troop::agents
