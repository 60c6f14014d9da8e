// What an agent and its guardian cost where they do nothing, and what the agent costs where it delays every packet of
// 20,000 a second. In a network namespace of its own.
//
//   bench_footprint [--json]        needs root
#include <fmt/format.h>
#include <sys/prctl.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fstream>
#include <sstream>
#include <string_view>
#include <thread>

#include "agents/host/process.hpp"
#include "agents/protocol/messages.hpp"
#include "agents/protocol/spawn.hpp"
#include "controller/fleet/agent_link.hpp"
#include "tests/support/private_network.hpp"
#include "tests/support/temporary_folder.hpp"

namespace {

using namespace troop;
using namespace std::chrono_literals;
using controller::AgentLink;
using test::Datagrams;
namespace asio = boost::asio;
namespace json = boost::json;

constexpr Duration answer_max = 10s, settled = 2s, watched = 10s, renewal_interval = 200ms;
constexpr const char *here_address = "127.0.0.1", *peer_address = "127.0.0.2";
constexpr double packets_per_second = 20'000;

bool as_json = false;
bool all_hold = true;

void report(std::string_view name, double value, std::string_view unit, std::string_view goal, bool holds) {
  if (as_json) {
    fmt::print(R"({{"bench":"footprint.{}","value":{:.2f},"unit":"{}","goal":{},"holds":{}}})"
               "\n",
               name, value, unit, goal, holds);
  } else {
    fmt::print("footprint.{}: {:.2f} {} (goal {}, {})\n", name, value, unit, goal, holds ? "holds" : "MISSED");
  }
  all_hold = all_hold && holds;
}

/// The number after `key` in a file of lines such as "Pss:     1234 kB".
double number_in(const std::string& path, std::string_view key) {
  std::ifstream file{path};
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(key)) continue;
    double value = 0;
    std::istringstream{line.substr(key.size())} >> value;
    return value;
  }
  return -1;
}

struct Cost {
  double pss_mib = 0, wakeups = 0, cpu_s = 0;
};

/// So far, with all threads. A thread that wakes up gives its CPU away again of its own will.
Cost cost_of(pid_t pid) {
  const std::string of = fmt::format("/proc/{}/", pid);
  Cost cost{.pss_mib = number_in(of + "smaps_rollup", "Pss:") / 1024};
  for (const auto& thread : std::filesystem::directory_iterator{of + "task"}) {
    cost.wakeups += number_in(thread.path() / "status", "voluntary_ctxt_switches:");
    double ns = 0;
    std::ifstream{thread.path() / "schedstat"} >> ns;
    cost.cpu_s += ns / 1e9;
  }
  return cost;
}

asio::awaitable<void> pause_for(asio::io_context& io, Duration duration) {
  asio::steady_timer timer{io, duration};
  (void)co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
}

/// An agent that serves a controller which asks for nothing but its lease.
class Idle {
 public:
  explicit Idle(asio::io_context& io) : io_(io) {}

  asio::awaitable<Result<void>> start(const std::string& folder) {
    BOOST_OUTCOME_CO_TRY(link_, AgentLink::start(io_, TROOP_BIN_DIR "/troop-agent", folder + "/agent.log", {}));
    BOOST_OUTCOME_CO_TRY(co_await link_->greet(folder));
    const std::int64_t deadline = monotonic_ns() + Duration{settled}.count();
    while (guardian_ < 0 && monotonic_ns() < deadline) {  // it takes its name when it first runs
      for (const auto pid : agents::children()) {
        std::string name;
        std::ifstream{fmt::format("/proc/{}/comm", pid)} >> name;
        if (name == "troop-guardian") guardian_ = pid;
      }
      co_await pause_for(io_, 10ms);
    }
    if (guardian_ < 0) co_return Error{ErrorKind::lost, "there is no guardian"};
    protocol::spawn(io_, renew());
    co_return success();
  }
  asio::awaitable<void> end() {
    over_ = true;
    (void)co_await link_->finish(answer_max);
  }
  AgentLink& link() { return *link_; }
  [[nodiscard]] pid_t pid() const { return link_->pid(); }
  [[nodiscard]] pid_t guardian() const { return guardian_; }
  /// Renewals so far: each wakes the agent up.
  int renewals = 0;

 private:
  asio::awaitable<void> renew() {
    while (!over_ && !link_->lost()) {
      (void)co_await link_->request("renew", json::object{}, answer_max);
      ++renewals;
      co_await pause_for(io_, renewal_interval);
    }
  }
  asio::io_context& io_;
  std::unique_ptr<AgentLink> link_;
  pid_t guardian_ = -1;
  bool over_ = false;
};

struct Wakeups {
  double agent = 0, guardian = 0;  ///< Per second; the agent's beside its controller's requests: each is one.
};
asio::awaitable<Wakeups> watch(asio::io_context& io, Idle& idle) {
  co_await pause_for(io, settled);
  const Cost agent = cost_of(idle.pid()), guardian = cost_of(idle.guardian());
  const int renewals = idle.renewals;
  co_await pause_for(io, watched);
  const double seconds = static_cast<double>(watched.count()) / 1e9;
  const double asked = static_cast<double>(idle.renewals - renewals);
  co_return Wakeups{(cost_of(idle.pid()).wakeups - agent.wakeups - asked) / seconds,
                    (cost_of(idle.guardian()).wakeups - guardian.wakeups) / seconds};
}

asio::awaitable<Result<void>> measure_idle(asio::io_context& io, Idle& idle) {
  const Wakeups wakeups = co_await watch(io, idle);
  const double pss = cost_of(idle.pid()).pss_mib + cost_of(idle.guardian()).pss_mib;
  report("pss", pss, "MiB", "12", pss > 0 && pss <= 12);
  // The heartbeat is sent twice a second, as often the lease is looked at.
  report("agent_wakeups", wakeups.agent, "per s beside its controller's requests", "5",
         wakeups.agent > 0 && wakeups.agent <= 5);
  report("guardian_wakeups", wakeups.guardian, "per s", "2.5", wakeups.guardian > 0 && wakeups.guardian <= 2.5);
  co_return success();
}

/// Sends at an even rate until the end; what has come is read away.
std::jthread traffic(std::atomic<std::uint64_t>& came) {
  return std::jthread{[&came](const std::stop_token& end) {
    prctl(PR_SET_TIMERSLACK, 1UL);
    const Datagrams here{here_address}, peer{peer_address};
    const std::int64_t began = monotonic_ns();
    std::string any;
    for (std::uint64_t sent = 0; !end.stop_requested();) {
      const auto due =
          static_cast<std::uint64_t>(static_cast<double>(monotonic_ns() - began) / 1e9 * packets_per_second);
      for (; sent < due; ++sent) peer.send(here);
      while (here.receive(0, any)) ++came;
      std::this_thread::sleep_for(500us);
    }
  }};
}

asio::awaitable<Result<void>> measure_delaying(asio::io_context& io, Idle& idle) {
  std::atomic<std::uint64_t> came = 0;
  protocol::StepOrder step;
  step.number = 1;
  step.fault = "network.latency";
  step.period = 60s;
  step.victim = "local";
  step.parameters = {{"peers", std::vector<std::string>{peer_address}}, {"delay", Duration{10ms}}};
  json::object request{{"environment", ""}, {"hosts", json::array{}}};
  request["steps"] = json::array{protocol::to_json(step)};
  BOOST_OUTCOME_CO_TRY(co_await idle.link().request("prepare", std::move(request), answer_max));
  // With a plan, before its first step: what it is to watch, it looks at ten times a second, and says so.
  const Wakeups planned = co_await watch(io, idle);
  report("planned_wakeups", planned.agent, "per s beside its controller's requests", "35",
         planned.agent > 0 && planned.agent <= 35);
  const auto sending = traffic(came);
  json::object number;
  number["step"] = 1;
  BOOST_OUTCOME_CO_TRY(co_await idle.link().request("apply", number, answer_max));
  co_await pause_for(io, settled);
  const Cost before = cost_of(idle.pid());
  const std::uint64_t first = came;
  co_await pause_for(io, watched);
  const double seconds = static_cast<double>(watched.count()) / 1e9;
  const double rate = static_cast<double>(came - first) / seconds;
  report("delayed_packets", rate, "per s", fmt::format("{}", packets_per_second * 0.95),
         rate >= packets_per_second * 0.95);
  report("delaying_cpu", (cost_of(idle.pid()).cpu_s - before.cpu_s) / seconds * 100, "% of one CPU", "null", true);
  BOOST_OUTCOME_CO_TRY(co_await idle.link().request("revert", std::move(number), answer_max));
  co_return success();
}

asio::awaitable<void> measure(asio::io_context& io, std::string folder, Result<void>& done) {
  Idle idle{io};
  done = co_await idle.start(folder);
  if (done.has_value()) done = co_await measure_idle(io, idle);
  if (done.has_value()) done = co_await measure_delaying(io, idle);
  if (idle.guardian() > 0) co_await idle.end();
}

}  // namespace

int main(int argc, char** argv) {
  as_json = argc > 1 && std::string_view{argv[1]} == "--json";
  const testing_support::TemporaryFolder folder;
  const std::string root = (folder / "").string();
  setenv("TROOP_STATE_DIR", (folder / "state").c_str(), 1);
  prctl(PR_SET_CHILD_SUBREAPER, 1);  // a guardian is nobody's child: it becomes ours
  const test::PrivateNetwork network;
  if (!network.why_not().empty()) {
    fmt::print(stderr, "bench_footprint: {}\n", network.why_not());
    return 1;
  }
  asio::io_context io{1};
  Result<void> done = Error{ErrorKind::lost, "nothing was measured"};
  protocol::spawn(io, measure(io, root, done));
  io.run_for(90s);
  if (done.has_error()) fmt::print(stderr, "bench_footprint: {}\n", done.error().context);
  return done.has_value() && all_hold ? 0 : 1;
}
