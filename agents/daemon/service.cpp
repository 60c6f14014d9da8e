#include "agents/daemon/service.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/json.hpp>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <optional>
#include <string>

#include "agents/daemon/attached_part.hpp"
#include "agents/host/process.hpp"
#include "agents/protocol/frame.hpp"
#include "agents/undo_journal.hpp"

namespace troop::agents {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr int control_fd = 3, waiting_max = 4, exhausted_pause_ms = 200;
constexpr int exit_refused = 2, exit_unrestored = 4;
constexpr Duration payment_max = std::chrono::seconds{80};

void say(const std::string& text) { std::fprintf(stderr, "troop-agent: %s\n", text.c_str()); }

/// What fits goes; a controller that takes nothing will find the connection closed.
void tell(int connection, const json::object& notice) {
  const auto frame = protocol::message_frame(json::serialize(notice));
  (void)send(connection, frame.data(), frame.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

void tell_ending(int connection, int exit_code) { tell(connection, {{"notice", "ended"}, {"exit_code", exit_code}}); }

void refuse(int connection, const std::string& why) {
  say("a controller was refused: " + why);
  tell(connection, {{"notice", "ending"}, {"reason", why}});
  tell_ending(connection, exit_refused);
}

/// The folder of the socket belongs to one service at a time, which holds a lock on it: so what lies there is a dead
/// one's.
Result<UniqueFd> lock_folder(const fs::path& socket) {
  const auto folder = socket.parent_path();
  if (folder == state_folder()) {
    BOOST_OUTCOME_TRY(make_private_folder(folder));
  }
  UniqueFd locked{open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!locked) return system_error(ErrorKind::usage, folder.string(), errno);
  if (flock(locked.get(), LOCK_EX | LOCK_NB) == 0) return locked;
  if (errno == EWOULDBLOCK) return usage_error(socket.string() + ": an agent serves there already");
  return system_error(ErrorKind::usage, folder.string(), errno);
}

Result<UniqueFd> listen_on(const fs::path& socket) {
  const auto failed = [&](int number) { return system_error(ErrorKind::usage, socket.string(), number); };
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  if (socket.native().size() >= sizeof address.sun_path) return failed(ENAMETOOLONG);
  socket.native().copy(address.sun_path, socket.native().size());
  struct stat status {};
  if (lstat(socket.c_str(), &status) == 0) {
    if (!S_ISSOCK(status.st_mode) || status.st_uid != geteuid()) return failed(EEXIST);
    unlink(socket.c_str());
  }
  UniqueFd listening{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  const mode_t before = umask(0177);  // for this user alone, from its first moment on
  const bool bound =
      listening && bind(listening.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  const int number = errno;
  umask(before);
  if (!bound) return failed(number);
  if (listen(listening.get(), waiting_max) != 0) return failed(errno);
  return listening;
}

/// An agent on `connection`, which dies with this process.
Result<pid_t> start_agent(const std::string& program, int connection, const sigset_t& unblocked) {
  const pid_t service = getpid();
  const pid_t pid = fork();
  if (pid < 0) return system_error(ErrorKind::lost, "fork", errno);
  if (pid > 0) return pid;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != service) _exit(127);
  setpgid(0, 0);
  sigprocmask(SIG_SETMASK, &unblocked, nullptr);
  std::signal(SIGPIPE, SIG_DFL);
  if (connection == control_fd) {
    fcntl(control_fd, F_SETFD, 0);
  } else {
    dup2(connection, control_fd);
  }
  const std::string fd = std::to_string(control_fd);
  execl(program.c_str(), program.c_str(), "serve", "--control-fd", fd.c_str(), nullptr);
  _exit(127);
}

/// An agent that serves, and its controller.
struct Session {
  pid_t pid = -1;
  UniqueFd pidfd, connection;
};

class Service {
 public:
  Service(std::string program, UniqueFd listening, UniqueFd signals, const sigset_t& unblocked)
      : program_(std::move(program)),
        listening_(std::move(listening)),
        signals_(std::move(signals)),
        unblocked_(unblocked) {}

  int run() {
    while (!ending_ || session_) {
      std::array<pollfd, 3> waiting{{{signals_.get(), POLLIN, 0},
                                     {ending_ ? -1 : listening_.get(), POLLIN, 0},
                                     {session_ ? session_->pidfd.get() : -1, POLLIN, 0}}};
      if (poll(waiting.data(), waiting.size(), -1) < 0) continue;
      if (waiting[2].revents != 0) see_off();
      if (waiting[0].revents != 0) take_signal();
      if (waiting[1].revents != 0 && !ending_) welcome();
    }
    return exit_code_;
  }

 private:
  void take_signal() {
    signalfd_siginfo info{};
    if (read(signals_.get(), &info, sizeof info) != sizeof info) return;
    ending_ = true;
    listening_.reset();  // whoever comes now is told at once that nobody is there
    if (session_) pidfd_send_signal(session_->pidfd.get(), SIGTERM);  // it puts everything back, and ends
  }

  void welcome() {
    UniqueFd connection{accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
    if (!connection) {
      if (errno == EMFILE || errno == ENFILE) poll(nullptr, 0, exhausted_pause_ms);
      return;
    }
    ucred peer{};
    socklen_t size = sizeof peer;
    if (getsockopt(connection.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return;
    if (peer.uid != 0 && peer.uid != geteuid())
      return refuse(connection.get(), "user " + std::to_string(peer.uid) + " may not break this host");
    if (session_) {
      return refuse(connection.get(),
                    "this host serves another run, by agent " + std::to_string(session_->pid) + "; try again later");
    }
    const auto started = start_agent(program_, connection.get(), unblocked_);
    if (started.has_error()) return refuse(connection.get(), started.error().context);
    UniqueFd pidfd{pidfd_open(started.value())};
    if (!pidfd) {
      const auto why = system_error(ErrorKind::lost, "pidfd_open", errno);
      kill(started.value(), SIGKILL);
      waitpid(started.value(), nullptr, 0);
      return refuse(connection.get(), why.context);
    }
    say("agent " + std::to_string(started.value()) + " serves process " + std::to_string(peer.pid));
    session_.emplace(Session{started.value(), std::move(pidfd), std::move(connection)});
  }

  /// Its guardian pays for one that was killed.
  void see_off() {
    int status = 0;
    if (waitpid(session_->pid, &status, WNOHANG) != session_->pid) return;
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    say("agent " + std::to_string(session_->pid) + " ended with " + std::to_string(code));
    exit_code_ = code == exit_unrestored ? exit_unrestored : 0;
    tell_ending(session_->connection.get(), code);
    session_.reset();
  }

  const std::string program_;
  UniqueFd listening_, signals_;
  const sigset_t unblocked_;
  std::optional<Session> session_;
  bool ending_ = false;
  int exit_code_ = 0;
};

}  // namespace

fs::path service_socket() { return state_folder() / "agent.sock"; }

Result<int> run_service(const fs::path& socket) {
  std::signal(SIGPIPE, SIG_IGN);
  std::error_code nameless;
  const fs::path program = fs::read_symlink("/proc/self/exe", nameless);  // by its name: it may be replaced meanwhile
  if (nameless) return usage_error("/proc/self/exe: " + nameless.message());
  sigset_t ends, unblocked;
  sigemptyset(&ends);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&ends, number);
  if (sigprocmask(SIG_BLOCK, &ends, &unblocked) != 0) return system_error(ErrorKind::usage, "sigprocmask", errno);
  UniqueFd signals{signalfd(-1, &ends, SFD_CLOEXEC)};
  if (!signals) return system_error(ErrorKind::usage, "signalfd", errno);
  const auto cleaned = clean_up_after_the_dead(state_folder(), pay_for_attached, payment_max);
  for (const auto& problem : cleaned.problems) say("left by a dead agent, not put back: " + problem);
  if (cleaned.undone > 0) say("put back what a dead agent had left: " + std::to_string(cleaned.undone) + " things");
  BOOST_OUTCOME_TRY(const auto lock, lock_folder(socket));
  BOOST_OUTCOME_TRY(auto listening, listen_on(socket));
  say("waiting for controllers on " + socket.string());
  const int code = Service{program.string(), std::move(listening), std::move(signals), unblocked}.run();
  unlink(socket.c_str());
  // Fails while journals are there, as it should.
  if (socket.parent_path() == state_folder()) rmdir(state_folder().c_str());
  return code;
}

}  // namespace troop::agents
