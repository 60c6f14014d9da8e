#include "tests/support/storm.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json.hpp>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>
#include <thread>

#include "agents/host/nftables.hpp"
#include "agents/host/process.hpp"
#include "agents/protocol/messages.hpp"
#include "agents/protocol/spawn.hpp"
#include "common/clock.hpp"
#include "common/ids.hpp"
#include "controller/fleet/agent_link.hpp"
#include "scenarios/model/faults/catalogue.hpp"
#include "tests/support/bystander.hpp"
#include "tests/support/chatter.hpp"
#include "tests/support/private_network.hpp"
#include "tests/support/qdiscs.hpp"
#include "tests/support/temporary_folder.hpp"

namespace troop::test {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;
namespace json = boost::json;
using namespace std::chrono_literals;
using controller::AgentLink;

constexpr Duration request_max = 20s;
constexpr Duration round_max = 60s;
constexpr Duration short_hold = 20ms;
constexpr Duration renewal_at = protocol::lease / 5;  // an agent renews what it holds so often

constexpr const char* here = "127.0.0.1";
std::string peer_address(std::size_t number) { return fmt::format("127.0.0.{}", 2 + number); }

/// Every fault that an agent can undo without a broker: those on a network each on a peer of its own, those on
/// processes on two bystanders called `name`, those on resources in small.
std::vector<protocol::StepOrder> all_faults(const std::string& name) {
  std::vector<protocol::StepOrder> steps;
  const auto add = [&](std::string_view fault, model::Parameters parameters) {
    protocol::StepOrder step;
    step.number = static_cast<std::int64_t>(steps.size()) + 1;
    step.fault = fault;
    step.victim = "local";
    step.period = round_max;
    step.parameters = std::move(parameters);
    steps.push_back(std::move(step));
  };
  for (const auto& spec : model::faults()) {
    if (!spec.name.starts_with("network.") || spec.period != model::FaultSpec::Period::required) continue;
    model::Parameters parameters{{"peers", std::vector{peer_address(steps.size())}}};
    for (const auto& parameter : spec.parameters) {
      if (!parameter.required) continue;
      if (parameter.name == "percent") parameters["percent"] = 50.0;
      if (parameter.name == "rate_mbit") parameters["rate_mbit"] = 0.01;
      if (parameter.name == "names") parameters["names"] = std::vector<std::string>{"*.test"};
      if (parameter.name == "names" || parameter.name == "port") parameters["port"] = std::int64_t{service_port};
      if (parameter.name == "delay") parameters["delay"] = Duration{50ms};  // also a slow machine sends more meanwhile
    }
    add(spec.name, std::move(parameters));
  }
  add("network.loss", {{"peers", std::vector{peer_address(steps.size())}},
                       {"percent", 20.0},
                       {"burst", 3.0},
                       {"direction", std::string{"in"}}});
  const model::Parameters bystanders{{"name", name}, {"percent", 100.0}};
  add("process.pause", bystanders);
  add("fd.exhaust", bystanders);
  add("memory.fill", {{"mib", std::int64_t{16}}});
  add("cpu.burn", {{"percent", std::int64_t{5}}});
  add("disk.fill", {{"path", std::string{"/dev/shm"}}, {"mib", std::int64_t{4}}});
  add("io.burn",
      {{"path", std::string{"/dev/shm"}}, {"mib_per_second", std::int64_t{4}}, {"file_mib", std::int64_t{1}}});
  return steps;
}

/// About half of them, in any order.
std::vector<protocol::StepOrder> some_of(std::vector<protocol::StepOrder> steps, Random& random) {
  for (std::size_t i = steps.size(); i > 1; --i) std::swap(steps[i - 1], steps[random.below(i)]);
  steps.resize(steps.size() / 2);
  return steps;
}

/// Talks with every peer's service until the end; they say what a resolver would.
std::jthread chatter(std::size_t peers) {
  return std::jthread{[peers](const std::stop_token& end) {
    const Datagrams here_socket{here};
    std::vector<Datagrams> others;
    for (std::size_t i = 0; i < peers; ++i) others.emplace_back(peer_address(i), service_port);
    std::string any;
    while (!end.stop_requested()) {
      for (const auto& other : others) {
        here_socket.send(other);
        other.send(here_socket, dns_answer);
        (void)other.receive(0, any);
      }
      for (std::size_t i = 0; i < peers; ++i) (void)here_socket.receive(0, any);
      std::this_thread::sleep_for(1ms);
    }
  }};
}

std::string slurp(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream{path}.rdbuf();
  return std::move(text).str();
}

/// What an experiment could have changed here: rules, queues, interfaces, processes and their limits, files.
class Host {
 public:
  Host(fs::path folder, std::vector<pid_t> bystanders)
      : folder_(std::move(folder)), bystanders_(std::move(bystanders)) {}

  [[nodiscard]] std::string picture() const {
    auto nft = agents::Nftables::open();
    auto rules = nft.has_value() ? nft.value().list("list ruleset") : Result<std::string>{nft.error()};
    std::string out = "rules:\n" + (rules.has_value() ? rules.value() : rules.error().context);
    out += "qdiscs:\n" + qdiscs();
    out += "queues:\n" + slurp("/proc/thread-self/net/netfilter/nfnetlink_queue");
    out += "interfaces:\n";
    std::istringstream interfaces{slurp("/proc/thread-self/net/dev")};
    for (std::string line; std::getline(interfaces, line);) out += line.substr(0, line.find(':')) + "\n";
    out += "processes:\n";
    for (const auto pid : agents::children()) {
      if (agents::process_state(pid) != 'Z') out += slurp(fmt::format("/proc/{}/comm", pid));
    }
    for (const auto pid : bystanders_) {
      out += agents::process_state(pid) == 'T' ? "stopped\n" : "runs\n";
      out += slurp(fmt::format("/proc/{}/limits", pid));
    }
    out += "files:\n";
    std::set<std::string> files;  // they may vanish while we look: then the picture is another one
    std::error_code gone;
    for (fs::recursive_directory_iterator entry{folder_, gone}, end; !gone && entry != end; entry.increment(gone)) {
      if (entry->path().filename() != "agent.log") files.insert(entry->path().string());
    }
    for (const auto& file : files) out += file + "\n";
    if (gone) out += gone.message() + "\n";
    return out;
  }

 private:
  fs::path folder_;
  std::vector<pid_t> bystanders_;
};

void reap() {
  while (waitpid(-1, nullptr, WNOHANG) > 0) continue;
}

asio::awaitable<void> pause_for(asio::io_context& io, Duration duration) {
  asio::steady_timer timer{io, duration};
  (void)co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
}

/// One agent, from its start to the blow.
class Round {
 public:
  Round(asio::io_context& io, const std::vector<protocol::StepOrder>& steps, Duration hold, fs::path folder)
      : io_(io), steps_(steps), hold_(hold), folder_(std::move(folder)) {}

  /// Works until the blow, `after` its first apply; negative: one undisturbed cycle. What went wrong before it.
  asio::awaitable<void> play(Blow blow, Duration after);

  std::string problem;
  int in_force = 0;         ///< Proven when the blow fell.
  std::int64_t struck = 0;  ///< When.
  Duration cycle{};         ///< How long one took undisturbed.

 private:
  asio::awaitable<void> conduct(bool once);
  asio::awaitable<bool> ask(std::string_view name, json::object fields);
  asio::awaitable<bool> ask_step(std::string_view name, std::int64_t number);
  asio::awaitable<void> strike(Blow blow, Duration after);
  asio::awaitable<void> renew();
  [[nodiscard]] pid_t guardian() const;

  asio::io_context& io_;
  const std::vector<protocol::StepOrder>& steps_;
  const Duration hold_;  ///< How long all of them are in force.
  fs::path folder_;
  std::unique_ptr<AgentLink> link_;
  bool over_ = false;
};

asio::awaitable<bool> Round::ask_step(std::string_view name, std::int64_t number) {
  json::object fields;
  fields["step"] = number;
  co_return co_await ask(name, std::move(fields));
}

asio::awaitable<bool> Round::ask(std::string_view name, json::object fields) {
  auto reply = co_await link_->request(name, std::move(fields), request_max);
  if (reply.has_value()) co_return true;
  if (struck == 0 && problem.empty()) problem = fmt::format("{}: {}", name, reply.error().context);
  co_return false;
}

pid_t Round::guardian() const {
  for (const auto pid : agents::children()) {
    if (pid != link_->pid() && slurp(fmt::format("/proc/{}/comm", pid)) == "troop-guardian\n") return pid;
  }
  return -1;
}

asio::awaitable<void> Round::renew() {
  while (!over_ && !link_->lost()) {
    (void)co_await link_->request("renew", json::object{}, request_max);
    co_await pause_for(io_, 20ms);
  }
}

asio::awaitable<void> Round::strike(Blow blow, Duration after) {
  co_await pause_for(io_, after);
  const pid_t guard = guardian();
  if (guard < 0) problem = "there is no guardian";
  struck = monotonic_ns();
  if (blow == Blow::kill_guardian || blow == Blow::kill_both) kill(guard, SIGKILL);
  if (blow == Blow::kill_agent || blow == Blow::kill_both) kill(link_->pid(), SIGKILL);
  if (blow == Blow::stop_agent) kill(link_->pid(), SIGSTOP);
  if (blow == Blow::kill_guardian) {
    // Nothing else happens: the agent goes on, and is told to end like any other.
    over_ = true;
  }
}

asio::awaitable<void> Round::conduct(bool once) {
  const std::int64_t began = monotonic_ns();
  while (!over_ && struck == 0) {
    for (const auto& step : steps_) {
      const bool done = co_await ask_step("apply", step.number);
      if (!done) co_return;
      if (struck == 0) ++in_force;
      if (over_) break;
    }
    co_await pause_for(io_, hold_);
    for (const auto& step : steps_) {
      if (over_) break;
      const bool done = co_await ask_step("revert", step.number);
      if (!done) co_return;
      if (struck == 0) --in_force;
    }
    if (once) {
      cycle = Duration{monotonic_ns() - began};
      co_return;
    }
  }
}

asio::awaitable<void> Round::play(Blow blow, Duration after) {
  auto started = AgentLink::start(io_, TROOP_BIN_DIR "/troop-agent", folder_ / "agent.log", AgentLink::Listener());
  if (started.has_error()) {
    problem = started.error().context;
    co_return;
  }
  link_ = std::move(started).value();
  auto hello = co_await link_->greet(folder_);
  if (hello.has_error()) {
    problem = hello.error().context;
    co_return;
  }
  json::array orders;
  for (const auto& step : steps_) orders.push_back(protocol::to_json(step));
  json::object request;
  request["environment"] = "";
  request["hosts"] = json::array{};
  request["steps"] = std::move(orders);
  const bool prepared = co_await ask("prepare", std::move(request));
  if (!prepared) co_return;
  protocol::spawn(io_, renew());
  if (after >= Duration{0}) protocol::spawn(io_, strike(blow, after));
  co_await conduct(after < Duration{0});
  while (problem.empty() && after >= Duration{0} && struck == 0) co_await pause_for(io_, 1ms);
  over_ = true;
  const bool agent_lives = after < Duration{0} || blow == Blow::kill_guardian;
  if (agent_lives && problem.empty()) {
    auto stopped = co_await link_->request("stop", json::object{}, request_max);
    if (stopped.has_error()) problem = "stop: " + stopped.error().context;
    const auto code = co_await link_->finish(request_max);
    if (code != 0) problem = fmt::format("the agent ended with {}", code.value_or(-1));
  } else {
    (void)co_await link_->finish(round_max);
  }
}

/// Exit code of `troop-agent undo --all`.
int undo_all() {
  const std::string program = TROOP_BIN_DIR "/troop-agent";
  const pid_t pid = fork();
  if (pid == 0) {
    dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDOUT_FILENO);
    execl(program.c_str(), program.c_str(), "undo", "--all", nullptr);
    _exit(127);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

std::string_view to_text(Blow blow) {
  static constexpr std::string_view names[] = {"kill_agent", "stop_agent", "kill_guardian", "kill_both"};
  return names[static_cast<std::size_t>(blow)];
}

Aftermath weather(const Storm& storm) {
  Aftermath found;
  const testing_support::TemporaryFolder folder;
  const fs::path root = folder / "";
  fs::create_directories(root / "tmp");  // the state folder is the agents' to make, and to remove
  setenv("TROOP_STATE_DIR", (root / "state").c_str(), 1);
  setenv("TMPDIR", (root / "tmp").c_str(), 1);
  std::signal(SIGPIPE, SIG_IGN);     // an agent may die before it has heard everything
  prctl(PR_SET_CHILD_SUBREAPER, 1);  // a guardian is nobody's child: it becomes ours
  const PrivateNetwork network;
  if (!network.why_not().empty()) {
    found.problems.push_back(network.why_not());
    return found;
  }
  const auto name = fresh_program_name();
  const Bystander one{root, name, "1800"}, other{root, name, "1800"};
  const auto steps = all_faults(name);
  const Host host{root, {one.pid(), other.pid()}};
  const std::string before = host.picture();
  const auto talk = chatter(steps.size());
  Random random{storm.seed, to_text(storm.blow)};

  const auto play = [&](Duration after, Duration hold) {
    asio::io_context io{1};
    const auto chosen = after < Duration{0} ? steps : some_of(steps, random);
    Round round{io, chosen, hold, root};
    protocol::spawn(io, round.play(storm.blow, after));
    io.run_for(round_max);
    if (!io.stopped()) round.problem += " (it did not end)";
    return std::tuple{round.problem, round.in_force, round.struck, round.cycle};
  };
  const auto as_before = [&](std::int64_t until) {
    while (true) {
      reap();
      if (host.picture() == before) return true;
      if (monotonic_ns() > until) return false;
      std::this_thread::sleep_for(5ms);
    }
  };

  const auto [problem, ignored, never, cycle] = play(Duration{-1}, short_hold);
  if (!problem.empty() || !as_before(monotonic_ns() + storm.put_back_max.count())) {
    found.problems.push_back("undisturbed: " + problem + host.picture());
    return found;
  }
  for (; found.rounds < storm.rounds; ++found.rounds) {
    const auto up_to = [&](Duration most) {
      return Duration{static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(most.count())))};
    };
    // One round in four waits until its faults are renewed; the others fall anywhere into a quick cycle.
    const bool renewed = found.rounds % 4 == 3;
    const Duration after = renewed ? renewal_at - 20ms + up_to(100ms) : up_to(cycle);
    const auto [why, in_force, struck, took] = play(after, renewed ? 2 * renewal_at : short_hold);
    if (in_force > 0) ++found.in_force;
    if (in_force > 0 && renewed) ++found.renewed;
    // Nobody is left who could pay what is only written down; that is for whoever comes next.
    if (storm.blow == Blow::kill_both && undo_all() != 0) found.problems.push_back("undo --all did not end with 0");
    const Duration allowed = storm.put_back_max + (storm.blow == Blow::stop_agent ? protocol::lease : Duration{0});
    const std::int64_t since = storm.blow == Blow::kill_guardian ? monotonic_ns() : struck;
    const bool clean = as_before(since + allowed.count());
    found.slowest_s = std::max(found.slowest_s, static_cast<double>(monotonic_ns() - since) / 1e9);
    if (!why.empty()) found.problems.push_back(fmt::format("after {} us: {}", after / 1us, why));
    if (!clean) {
      ++found.left_behind;
      found.problems.push_back(fmt::format("after {} us, left:\n{}", after / 1us, host.picture()));
      if (!as_before(monotonic_ns() + Duration{round_max}.count())) break;
    }
  }
  return found;
}

std::vector<Aftermath> weather_all(const std::vector<Storm>& storms) {
  struct Running {
    pid_t pid;
    UniqueFd says;
  };
  std::vector<Running> running;
  for (const auto& storm : storms) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) break;
    const pid_t pid = fork();
    if (pid == 0) {
      const Aftermath found = weather(storm);
      json::array problems;
      for (const auto& problem : found.problems) problems.emplace_back(problem);
      const auto text = json::serialize(
          json::array{found.rounds, found.in_force, found.renewed, found.left_behind, found.slowest_s, problems});
      (void)!write(ends[1], text.data(), text.size());
      _exit(0);
    }
    close(ends[1]);
    running.push_back({pid, UniqueFd{ends[0]}});
  }
  std::vector<Aftermath> all;
  for (const auto& each : running) {
    std::string text;
    std::array<char, 4096> piece{};
    for (ssize_t got = 0; (got = read(each.says.get(), piece.data(), piece.size())) > 0;) {
      text.append(piece.data(), static_cast<std::size_t>(got));
    }
    int status = 0;
    waitpid(each.pid, &status, 0);
    boost::system::error_code broken;
    const auto told = json::parse(text, broken);
    Aftermath found;
    if (broken) {
      found.problems.push_back(fmt::format("the storm itself ended, status {}", status));
    } else {
      found.rounds = static_cast<int>(told.at(0).as_int64());
      found.in_force = static_cast<int>(told.at(1).as_int64());
      found.renewed = static_cast<int>(told.at(2).as_int64());
      found.left_behind = static_cast<int>(told.at(3).as_int64());
      found.slowest_s = told.at(4).to_number<double>();
      for (const auto& problem : told.at(5).as_array()) found.problems.emplace_back(problem.as_string());
    }
    all.push_back(std::move(found));
  }
  return all;
}

}  // namespace troop::test
