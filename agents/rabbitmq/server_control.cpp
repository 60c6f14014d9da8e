#include "agents/rabbitmq/server_control.hpp"

#include <fmt/format.h>

#include <csignal>
#include <fstream>

#include "agents/host/policy.hpp"
#include "agents/host/process.hpp"
#include "agents/host/systemctl.hpp"

namespace troop::agents {
namespace {

using Action = ServerControl::Action;

constexpr Duration command_max = std::chrono::seconds{60};
constexpr Duration gone_max = std::chrono::seconds{30};
constexpr std::string_view broker_process = "beam.smp";  // as /proc/PID/comm has it

/// Runs a program to its end. What it starts and leaves (a daemon) is not ours: it must outlive us.
ServerControl::Answer<void> run_command(std::vector<std::string> argv) {
  const std::string name = argv.front();
  const OrphansGo orphans_go;
  const Spawn what{std::move(argv), {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"}, "/dev/null", {}};
  BOOST_OUTCOME_CO_TRY(auto process, Process::spawn(what));
  const bool ended = co_await process.ended_within(command_max);
  if (!ended) co_return Error{ErrorKind::timeout, fmt::format("{} runs for longer than a minute", name)};
  if (!process.ended_well()) co_return Error{ErrorKind::lost, fmt::format("{}: {}", name, process.ending())};
  co_return success();
}

class CommandControl : public ServerControl {
 public:
  explicit CommandControl(std::string entry) : entry_(std::move(entry)) {}
  Answer<void> check(Action action) override {
    BOOST_OUTCOME_CO_TRY(named_command(entry_, std::string{to_text(action)}));
    co_return success();
  }
  Answer<void> act(Action action) override {
    BOOST_OUTCOME_CO_TRY(auto argv, named_command(entry_, std::string{to_text(action)}));
    co_return co_await run_command(std::move(argv));
  }

 private:
  std::string entry_;
};

class SystemdControl : public ServerControl {
 public:
  explicit SystemdControl(std::string unit) : unit_(std::move(unit)) {}
  Answer<void> check(Action) override {
    BOOST_OUTCOME_CO_TRY(co_await systemd("cat", ""));
    co_return success();
  }
  Answer<void> act(Action action) override {
    switch (action) {
      case Action::start:
        return systemd("start", "");
      case Action::stop:
        return systemd("stop", "");
      case Action::kill:
        return systemd("kill", "--signal=SIGKILL");
      case Action::pause:
        return systemd("kill", "--signal=SIGSTOP");
      case Action::resume:
        return systemd("kill", "--signal=SIGCONT");
    }
    return systemd("cat", "");
  }

 private:
  Answer<void> systemd(std::string verb, std::string option) {
    std::vector<std::string> argv{systemctl_program(), "--no-pager", "--no-ask-password", std::move(verb)};
    if (!option.empty()) argv.push_back(std::move(option));
    argv.emplace_back("--");
    argv.push_back(unit_);
    co_return co_await run_command(std::move(argv));
  }
  std::string unit_;
};

int signal_of(Action action) {
  switch (action) {
    case Action::stop:
      return SIGTERM;
    case Action::kill:
      return SIGKILL;
    case Action::pause:
      return SIGSTOP;
    case Action::resume:
    case Action::start:
      break;
  }
  return SIGCONT;
}

class PidFileControl : public ServerControl {
 public:
  PidFileControl(std::string path, std::string command) : path_(std::move(path)), starter_(std::move(command)) {}

  Answer<void> check(Action action) override {
    if (action == Action::start) co_return co_await starter_.check(action);
    auto found = find();
    if (found.has_error()) co_return usage_error(found.error().context);
    co_return success();
  }

  Answer<void> act(Action action) override {
    auto found = find();
    if (action == Action::start) {
      if (found.has_value()) co_return success();  // it runs
      co_return co_await starter_.act(action);
    }
    if (found.has_error()) co_return std::move(found).error();
    const Stranger& broker = found.value();
    BOOST_OUTCOME_CO_TRY(broker.signal(signal_of(action)));
    if (action != Action::stop && action != Action::kill) co_return success();
    const std::int64_t deadline = monotonic_ns() + gone_max.count();
    while (broker.alive()) {
      if (monotonic_ns() >= deadline) {
        co_return Error{ErrorKind::timeout, fmt::format("pid {} still runs after {}", broker.pid(), to_text(action))};
      }
      co_await pause_for(std::chrono::milliseconds{5});
    }
    co_return success();
  }

 private:
  /// The process that the file names, if it is a broker.
  [[nodiscard]] Result<Stranger> find() const {
    pid_t pid = 0;
    if (!(std::ifstream{path_} >> pid) || pid <= 1) {
      return Error{ErrorKind::lost, "pid file " + path_ + " cannot be read or holds no pid"};
    }
    BOOST_OUTCOME_TRY(auto found, Stranger::find(pid));
    if (found.command() != broker_process) {
      return Error{ErrorKind::lost, fmt::format("pid {} of {} is no {}", pid, path_, broker_process)};
    }
    return found;
  }

  std::string path_;
  CommandControl starter_;
};

}  // namespace

std::string_view to_text(ServerControl::Action action) {
  switch (action) {
    case Action::start:
      return "start";
    case Action::stop:
      return "stop";
    case Action::kill:
      return "kill";
    case Action::pause:
      return "pause";
    case Action::resume:
      return "resume";
  }
  return "";
}

std::unique_ptr<ServerControl> server_control(const model::BrokerAttachment::Control& wanted) {
  if (!wanted.systemd.empty()) return std::make_unique<SystemdControl>(wanted.systemd);
  if (!wanted.docker.empty()) return docker_control(wanted.docker);
  if (!wanted.pid_file.empty()) return std::make_unique<PidFileControl>(wanted.pid_file, wanted.command);
  if (!wanted.command.empty()) return std::make_unique<CommandControl>(wanted.command);
  return nullptr;
}

}  // namespace troop::agents
