// A worker as its own process, and a reader of its ring as the agent is one; without an agent.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include "agents/host/workspace.hpp"
#include "agents/rabbitmq/client.hpp"
#include "agents/workers/config.hpp"
#include "agents/workers/ring.hpp"
#include "agents/workers/worker.hpp"

namespace troop::test {

class WorkerProcess {
 public:
  /// Call while this process has one thread: the child is a fork that goes on as a worker.
  static Result<WorkerProcess> start(agents::WorkerConfig config, const agents::AmqpAddress& broker,
                                     bool recording = true) {
    config.port = broker.port;
    config.user = broker.user;
    config.password = broker.password;
    config.vhost = broker.vhost;
    WorkerProcess worker;
    BOOST_OUTCOME_TRY(worker.ring_, agents::Ring::create(agents::Ring::default_capacity, recording));
    worker.config_ = std::move(config);
    BOOST_OUTCOME_TRYV(worker.launch());
    return worker;
  }
  WorkerProcess() = default;
  WorkerProcess(WorkerProcess&& other) noexcept
      : config_(std::move(other.config_)), ring_(std::move(other.ring_)), pid_(std::exchange(other.pid_, -1)) {}
  WorkerProcess& operator=(WorkerProcess&&) = delete;
  ~WorkerProcess() { kill(); }

  agents::Ring& ring() { return ring_; }
  [[nodiscard]] const agents::RingCounters& counters() const { return ring_.counters(); }
  [[nodiscard]] pid_t pid() const { return pid_; }

  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    waitpid(std::exchange(pid_, -1), nullptr, 0);
  }
  /// A new process of the same name on the same ring.
  Result<void> restart() {
    kill();
    ring_.prepare_restart();
    return launch();
  }
  /// The exit code once it has ended; -1 while it runs; 128 + n when signal n ended it.
  int exit_code() {
    if (pid_ <= 0) return code_;
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) != pid_) return -1;
    pid_ = -1;
    code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return code_;
  }
  /// Moves everything recorded so far to the end of `out`.
  void drain(std::vector<protocol::Record>& out) {
    for (auto part = ring_.peek(); !part.empty(); part = ring_.peek()) {
      out.insert(out.end(), part.begin(), part.end());
      ring_.consume(part.size());
    }
  }

 private:
  Result<void> launch() {
    BOOST_OUTCOME_TRY(const auto memory, agents::sealed_memory(agents::to_json(config_)));
    const int config_fd = fcntl(memory.get(), F_DUPFD, 3);
    const int ring_fd = fcntl(ring_.fd(), F_DUPFD, 3);
    pid_ = fork();
    if (pid_ == 0) _exit(agents::worker_main(config_fd, ring_fd));
    close(config_fd);
    close(ring_fd);
    if (pid_ < 0) return system_error(ErrorKind::usage, "fork", errno);
    return success();
  }

  agents::WorkerConfig config_;
  agents::Ring ring_;
  pid_t pid_ = -1;
  int code_ = -1;
};

}  // namespace troop::test
