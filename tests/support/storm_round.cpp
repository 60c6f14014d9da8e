// One agent of the storm, from its start to the blow.
#include <fmt/format.h>
#include <signal.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <ranges>
#include <utility>

#include "agents/host/process.hpp"
#include "agents/protocol/spawn.hpp"
#include "common/clock.hpp"
#include "tests/support/qdiscs.hpp"
#include "tests/support/storm_ground.hpp"
#include "tests/support/troop_run.hpp"

namespace troop::test {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;
using controller::AgentLink;

constexpr Duration request_max = 90s;  // a broker may have to start
constexpr Duration renewal_interval = 20ms;
constexpr Duration look_interval = 5ms;

asio::awaitable<void> pause_for(asio::io_context& io, Duration duration) {
  asio::steady_timer timer{io, duration};
  (void)co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
}

}  // namespace

protocol::StepOrder storm_step(std::string_view fault, std::string victim, model::Parameters parameters) {
  protocol::StepOrder step;
  step.fault = fault;
  step.victim = std::move(victim);
  step.period = storm_round_max;
  step.parameters = std::move(parameters);
  return step;
}

StormSteps drawn(StormSteps steps, std::size_t count, Random& random, std::string_view always) {
  for (std::size_t i = steps.size(); i > 1; --i) std::swap(steps[i - 1], steps[random.below(i)]);
  const auto first = std::ranges::find(steps, always, &protocol::StepOrder::fault);
  if (first != steps.end()) std::iter_swap(steps.begin(), first);
  steps.resize(std::min(count, steps.size()));
  return steps;
}

StormRound::StormRound(asio::io_context& io, const StormSteps& steps, json::object setup, Course course,
                       fs::path folder)
    : io_(io), steps_(steps), setup_(std::move(setup)), course_(std::move(course)), folder_(std::move(folder)) {}

/// The blow comes after one of them.
void StormRound::note_request() {
  if (requests_++ == moment_.request && moment_.comes()) protocol::spawn(io_, strike());
}

asio::awaitable<bool> StormRound::ask(std::string_view name, json::object fields) {
  auto reply = co_await link_->request(name, std::move(fields), request_max);
  if (reply.has_value()) co_return true;
  if (struck == 0 && problem.empty()) problem = fmt::format("{}: {}", name, reply.error().context);
  co_return false;
}

/// Applies the step, or reverts it.
asio::awaitable<bool> StormRound::turn(std::string_view name, const protocol::StepOrder& step) {
  note_request();
  json::object fields;
  fields["step"] = step.number;
  const bool done = co_await ask(name, std::move(fields));
  if (struck != 0) co_return done;
  const bool applies = name == "apply";
  // Whoever publishes may be on the way back from the fault before: rightly, nothing counts as thrown away then.
  if (applies && !done && step.fault == "broker.purge" && problem.find("was empty") != std::string::npos) {
    problem.clear();
    met_nothing_.insert(step.number);
    co_return true;
  }
  if (!done) co_return false;
  const int change = applies ? 1 : -1;
  if (!applies && met_nothing_.erase(step.number) > 0) co_return true;
  in_force += change;
  if (step.parameters.contains("cgroup")) in_group += change;
  if (std::exchange(moment_.once_in_force, false)) protocol::spawn(io_, strike());
  co_return true;
}

pid_t StormRound::guardian() const {
  for (const auto pid : agents::children()) {
    if (pid != link_->pid() && slurp(fmt::format("/proc/{}/comm", pid)) == "troop-guardian\n") return pid;
  }
  return -1;
}

asio::awaitable<void> StormRound::renew() {
  while (!over_ && !link_->lost()) {
    (void)co_await link_->request("renew", json::object{}, request_max);
    co_await pause_for(io_, renewal_interval);
  }
}

asio::awaitable<void> StormRound::strike() {
  co_await pause_for(io_, moment_.after);
  const pid_t guard = guardian();
  if (guard < 0) problem = "there is no guardian";
  with_netem = qdiscs().find(" netem ") != std::string::npos;
  struck = monotonic_ns();
  if (guard > 0 && (blow_ == Blow::kill_guardian || blow_ == Blow::kill_both)) kill(guard, SIGKILL);
  if (blow_ == Blow::kill_agent || blow_ == Blow::kill_both) kill(link_->pid(), SIGKILL);
  if (blow_ == Blow::stop_agent) kill(link_->pid(), SIGSTOP);
  // Where the guardian alone is gone nothing else happens: the agent goes on, and is told to end like any other.
  if (blow_ == Blow::kill_guardian) over_ = true;
  course_.at_blow();
}

/// Until the blow, which comes at any time, or for as long.
asio::awaitable<void> StormRound::hold() {
  const std::int64_t until = monotonic_ns() + course_.hold.count();
  while (struck == 0 && monotonic_ns() < until) co_await pause_for(io_, look_interval);
}

asio::awaitable<void> StormRound::conduct(bool once) {
  const std::int64_t began = monotonic_ns();
  while (!over_ && struck == 0) {
    for (const auto& step : steps_) {
      if (over_) co_return;
      const bool applied = co_await turn("apply", step);
      if (!applied) co_return;
      if (!course_.each_alone) continue;
      co_await hold();
      if (over_) co_return;
      const bool reverted = co_await turn("revert", step);
      if (!reverted) co_return;
    }
    if (course_.each_alone) break;
    co_await hold();
    for (const auto& step : std::views::reverse(steps_)) {
      if (over_) co_return;
      const bool done = co_await turn("revert", step);
      if (!done) co_return;
    }
    if (once) break;
  }
  cycle = Duration{monotonic_ns() - began};
}

asio::awaitable<bool> StormRound::prepare() {
  json::array orders;
  for (const auto& step : steps_) orders.push_back(protocol::to_json(step));
  const bool has_broker = !setup_.empty();
  json::object request = std::move(setup_);
  request["environment"] = "";
  request["hosts"] = json::array{};
  request["steps"] = std::move(orders);
  const bool prepared = co_await ask("prepare", std::move(request));
  if (!prepared) co_return false;
  protocol::spawn(io_, renew());
  if (!has_broker) co_return true;
  json::object seed;
  seed["seed"] = 1;
  note_request();
  const bool broker = co_await ask("start_broker", json::object{});
  if (!broker || over_) co_return false;
  note_request();
  const bool workers = co_await ask("start_workers", std::move(seed));
  if (!workers || over_) co_return false;
  co_return co_await ask("begin", json::object{});
}

/// Of an agent that lives: it is told to.
asio::awaitable<void> StormRound::end() {
  const bool agent_lives = !moment_.comes() || blow_ == Blow::kill_guardian;
  if (!agent_lives || !problem.empty()) {
    (void)co_await link_->finish(storm_round_max);
    co_return;
  }
  auto stopped = co_await link_->request("stop", json::object{}, request_max);
  if (stopped.has_error()) {
    problem = "stop: " + stopped.error().context;
  } else if (stopped.value().at("clean") != json::value(true)) {
    problem = "stop: " + json::serialize(stopped.value());
  }
  const auto code = co_await link_->finish(request_max);
  if (code != 0) problem = fmt::format("the agent ended with {}", code.value_or(-1));
}

asio::awaitable<void> StormRound::play(Blow blow, Moment moment) {
  blow_ = blow;
  moment_ = moment;
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
  const bool prepared = co_await prepare();
  if (prepared) co_await conduct(!moment.comes());
  while (problem.empty() && moment.comes() && struck == 0) co_await pause_for(io_, look_interval);
  over_ = true;
  co_await end();
}

}  // namespace troop::test
