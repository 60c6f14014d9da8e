#include "controller/run/experiment.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>
#include <iterator>

#include "agents/protocol/messages.hpp"
#include "agents/protocol/spawn.hpp"
#include "common/ids.hpp"
#include "controller/run/run_start.hpp"
#include "scenarios/model/topology.hpp"

namespace troop::controller {
namespace asio = boost::asio;
namespace json = boost::json;
using namespace std::chrono_literals;
namespace {

constexpr Duration turn_length = 20ms;
constexpr Duration merge_slack = 100ms;  ///< How late a record may come and still be put in its place.
constexpr Duration undo_slack = 30s;
constexpr Duration finish_max = 30s;      ///< For producers to send what they still have.
constexpr Duration drain_idle_max = 20s;  ///< Without any progress.
constexpr Duration drain_max = 15min;
constexpr std::int64_t windows_default = 3;

asio::awaitable<void> pause_until(std::int64_t monotonic) {
  asio::steady_timer timer{co_await asio::this_coro::executor,
                           Duration{std::max<std::int64_t>(0, monotonic - monotonic_ns())}};
  (void)co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
}

const model::InvariantSpec* find_invariant(const model::Scenario& scenario, std::string_view kind) {
  const auto& all = scenario.invariants;
  const auto found = std::find_if(all.begin(), all.end(), [&](const auto& each) { return each.kind == kind; });
  return found == all.end() ? nullptr : &*found;
}

template <class T>
T parameter(const model::InvariantSpec& spec, std::string_view name, T fallback) {
  const auto found = spec.parameters.find(name);
  const T* value = found == spec.parameters.end() ? nullptr : std::get_if<T>(&found->second);
  return value == nullptr ? fallback : *value;
}

std::string way_to_end(int signal_number) {
  if (signal_number == SIGINT) return "interrupted (SIGINT)";
  return signal_number == SIGHUP ? "hung up (SIGHUP)" : "terminated (SIGTERM)";
}

history::Type type_from(std::string_view text) {
  if (text == "invoke") return history::Type::invoke;
  if (text == "ok") return history::Type::ok;
  if (text == "fail") return history::Type::fail;
  return history::Type::info;
}

}  // namespace

Experiment::Experiment(asio::io_context& io, const RunRequest& request, Progress& progress)
    : io_(io),
      request_(request),
      progress_(progress),
      began_(monotonic_ns()),
      steady_(request.scenario.steady_state),
      logs_(std::max<std::size_t>(request.scenario.broker.nodes_on.size(), 1)) {
  const auto& workload = request.scenario.workload;
  for (std::int64_t n = 1; n <= workload.producers; ++n) workers_.push_back(model::producer_name(n));
  for (std::int64_t n = 1; n <= workload.consumers; ++n) workers_.push_back(model::consumer_name(n));
  const auto topology = model::topology_of(workload);
  const std::size_t readers = topology.queues.size() - topology.count(model::QueueDeclaration::Use::delay);
  for (std::size_t n = 1; n <= readers; ++n) {
    workers_.push_back(model::reader_name(static_cast<std::int64_t>(n)));
  }
  for (const auto& step : request.plan.steps) {
    formats::FaultRecord fault;
    fault.step = static_cast<std::int64_t>(step.number);
    fault.name = step.fault;
    fault.target = step.target;
    fault.victim = step.victim;
    fault.back_end = step.spec.back_end;
    for (const auto& effect : step.spec.irreversible) fault.irreversible.emplace_back(effect);
    fault.outcome = "skipped";
    document_.faults.push_back(std::move(fault));
  }
}

void Experiment::interrupt(int signal_number) {
  if (signal_ != 0) return;
  signal_ = signal_number;
  progress_.note(way_to_end(signal_number) + ": undoing everything");
  if (fleet_ && running_) fleet_->abandon();
}

void Experiment::fail(Error error, const std::string& ended_by) {
  if (failure_) return;
  document_.ended_by = ended_by;
  document_.problems.push_back(error.context);
  failure_ = std::move(error);
}

void Experiment::begin_phase(const std::string& name) {
  end_phase();
  document_.phases.push_back({name, since_began(monotonic_ns()), std::nullopt});
  progress_.phase(name);
}

void Experiment::end_phase() {
  if (!document_.phases.empty() && !document_.phases.back().end) {
    document_.phases.back().end = since_began(monotonic_ns());
  }
}

asio::awaitable<void> Experiment::run() {
  document_.started_wall_ns = wall_ns();
  auto result = co_await conduct();
  if (signal_ != 0) {
    document_.ended_by = way_to_end(signal_);
  } else if (result.has_error()) {
    fail(std::move(result).error(), "failed");
  }
  running_ = false;
  co_await end_agents();
  if (recorder_) {
    if (agent_lost_) recorder_->drop_records_from(complete_until_);
    record("run", history::Type::info, {{"phase", "stop"}, {"reason", document_.ended_by}});
    if (auto written = recorder_->finish(); written.has_error()) fail(written.error(), "disk-full");
    const Counts& counts = recorder_->counts();
    document_.counts = {{"published", counts.published},
                        {"confirmed", counts.confirmed},
                        {"failed", counts.failed},
                        {"indeterminate", counts.indeterminate},
                        {"delivered", counts.delivered},
                        {"acknowledged", counts.acknowledged},
                        {"caller_wait_ms_max", counts.longest_wait / 1'000'000}};
  }
  end_phase();
  document_.length = since_began(monotonic_ns());
}

asio::awaitable<Result<void>> Experiment::conduct() {
  auto prepared = co_await prepare();
  if (prepared.has_error()) {
    if (signal_ == 0) refusal_ = prepared.error();
    co_return std::move(prepared).error();
  }
  if (request_.rehearse) co_return success();
  BOOST_OUTCOME_CO_TRY(co_await start_parts());
  BOOST_OUTCOME_CO_TRY(co_await reach_steady_state());
  BOOST_OUTCOME_CO_TRY(co_await play_steps());
  BOOST_OUTCOME_CO_TRY(co_await await_recovery());
  co_return co_await end_load();
}

asio::awaitable<Result<json::object>> Experiment::ask(std::string_view name, json::object fields, Duration timeout) {
  if (signal_ != 0) co_return Error{ErrorKind::cancelled, "interrupted"};
  co_return co_await fleet_->main().request(name, std::move(fields), timeout);
}

asio::awaitable<Result<void>> Experiment::prepare() {
  begin_phase("prepare");
  Fleet::Listener listener;
  listener.records = [this](const auto& batch) { take_records(batch); };
  listener.watermark = [this](std::int64_t time) { write_history(time); };
  listener.event = [this](const std::string& process, const json::object& event) { take_event(process, event); };
  listener.died = [this](const std::string& part, const std::string& detail) {
    fail({ErrorKind::lost, fmt::format("{} ended though nothing broke it: {}", part, detail)}, "part-lost");
  };
  listener.log = [this](std::string_view name, std::string_view bytes) { logs_.take(name, bytes); };
  listener.failed = [this](const Error& why) {
    agent_lost_ = true;
    fail(why, "agent-lost");
  };
  fleet_.emplace(io_, AgentSource{request_.agent, request_.directory / "agent.log", request_.agent_service},
                 std::move(listener));
  BOOST_OUTCOME_CO_TRY(const auto hello, co_await fleet_->start(request_.scenario));
  document_.host_name =
      protocol::text_field(hello, "host").has_value() ? protocol::text_field(hello, "host").value() : "";
  if (auto kernel = protocol::text_field(hello, "kernel"); kernel.has_value()) document_.host_kernel = kernel.value();
  if (auto cpus = protocol::integer_field(hello, "cpus"); cpus.has_value()) document_.host_cpus = cpus.value();
  if (auto own = protocol::text_field(hello, "agent"); own.has_value())
    document_.versions.emplace_back("troop-agent", own.value());

  std::vector<protocol::StepOrder> steps;
  for (const auto& step : request_.plan.steps) {
    Random choices{request_.plan.seed, fmt::format("choices-{}", step.number)};
    steps.push_back({static_cast<std::int64_t>(step.number), step.fault, step.victim, step.period, step.parameters,
                     choices.next()});
  }
  if (signal_ != 0) co_return Error{ErrorKind::cancelled, "interrupted"};
  co_return co_await fleet_->prepare(request_.scenario, steps);
}

asio::awaitable<Result<void>> Experiment::start_parts() {
  auto opened = Recorder::open(request_.directory, began_);
  if (opened.has_error()) {
    refusal_ = opened.error();
    co_return std::move(opened).error();
  }
  recorder_.emplace(std::move(opened).value());
  recorder_->set_names(workers_, model::topology_of(request_.scenario.workload));

  begin_phase("start broker");
  auto broker = co_await ask("start_broker", json::object{}, request_.scenario.broker.start_timeout + undo_slack);
  if (broker.has_error()) {
    // It never came up, and nothing else was started: the environment is wrong, not the host damaged.
    if (signal_ == 0 && !fleet_->main().lost() && !fleet_->main().silent()) refusal_ = broker.error();
    co_return std::move(broker).error();
  }
  record_start(broker.value());

  begin_phase("start workers");
  json::object seed{{"seed", static_cast<std::int64_t>(request_.plan.seed)}};
  BOOST_OUTCOME_CO_TRY(co_await ask("start_workers", std::move(seed), 60s));
  co_return success();
}

void Experiment::record_start(const json::object& broker) {
  document_.broker_kind = request_.scenario.broker.kind;
  if (auto version = protocol::text_field(broker, "version"); version.has_value())
    document_.broker_version = version.value();
  if (auto platform = protocol::text_field(broker, "platform"); platform.has_value() && !platform.value().empty())
    document_.versions.emplace_back("broker platform", platform.value());
  if (auto port = protocol::integer_field(broker, "port"); port.has_value()) document_.broker_port = port.value();
  record("run", history::Type::info, run_start(request_.scenario, request_.plan, document_.broker_version, wall_ns()));
  record_clocks();
}

/// An agent with another clock was refused, and its workers are its children: one clock, so that nothing is apart.
void Experiment::record_clocks() {
  std::vector<std::string> processes{"controller"};
  std::ranges::copy(fleet_->names(), std::back_inserter(processes));
  std::ranges::copy(workers_, std::back_inserter(processes));
  for (auto& process : processes) {
    json::object fields{{"offset", 0}, {"bound", 0}, {"source", clock_source()}};
    recorder_->add(monotonic_ns(), {std::move(process), history::Type::info, "clock", std::move(fields)});
  }
}

asio::awaitable<Result<void>> Experiment::turn(std::optional<std::int64_t> until) {
  if (signal_ != 0) co_return Error{ErrorKind::cancelled, "interrupted"};
  if (failure_) co_return *failure_;
  const std::int64_t now = monotonic_ns();
  close_windows();
  progress_.tick(document_.phases.back().name,
                 until ? std::optional{Duration{std::max<std::int64_t>(0, *until - now)}} : std::nullopt,
                 recorder_->counts());
  co_await pause_until(std::min(now + turn_length.count(), until.value_or(INT64_MAX)));
  co_return success();
}

void Experiment::close_windows() {
  for (const auto& [probe, measured] : steady_.close_due(monotonic_ns())) {
    json::object values;
    for (const auto& [name, value] : measured.values) values[name] = value;
    json::object fields{{"name", probe}, {"target", "workload"}, {"value", std::move(values)}};
    if (!measured.good) fields["error"] = measured.why;
    record("probe", measured.good ? history::Type::ok : history::Type::fail, std::move(fields));
  }
}

asio::awaitable<Result<void>> Experiment::reach_steady_state() {
  begin_phase("steady state");
  const std::int64_t now = monotonic_ns();
  const std::int64_t deadline = now + steady_.timeout().count();
  steady_.begin(now);
  while (!steady_.steady()) {
    if (monotonic_ns() > deadline) {
      fail({ErrorKind::timeout, "the steady state was never reached, so nothing was broken; see the probe events"},
           "steady-state-not-reached");
    }
    BOOST_OUTCOME_CO_TRY(co_await turn(deadline));
  }
  co_return success();
}

asio::awaitable<Result<void>> Experiment::play_steps() {
  begin_phase("experiment");
  BOOST_OUTCOME_CO_TRY(co_await ask("begin", json::object{}, Fleet::answer_max));
  const std::int64_t zero = monotonic_ns();
  for (std::size_t i = 0; i < request_.plan.steps.size(); ++i) {
    ++steps_under_way_;
    protocol::spawn(io_, play_step(i, zero));
  }
  const std::int64_t end = zero + request_.scenario.duration.count();
  while (steps_under_way_ > 0 || monotonic_ns() < end) {
    BOOST_OUTCOME_CO_TRY(co_await turn(monotonic_ns() < end ? std::optional{end} : std::nullopt));
  }
  co_return success();
}

asio::awaitable<void> Experiment::play_step(std::size_t index, std::int64_t zero) {
  const PlannedStep& step = request_.plan.steps[index];
  formats::FaultRecord& fault = document_.faults[index];
  AgentLink& agent = fleet_->of(step.victim);
  const json::object number{{"step", static_cast<std::int64_t>(step.number)}};
  while (running_ && monotonic_ns() < zero + step.at.count()) {
    co_await pause_until(std::min(monotonic_ns() + turn_length.count(), zero + step.at.count()));
  }
  if (running_ && signal_ == 0 && !failure_) {
    fault.asked = since_began(monotonic_ns());
    progress_.note(fmt::format("{} on {}", step.fault, step.victim));
    auto applied = co_await agent.request("apply", number, step.spec.undo_max + undo_slack);
    if (applied.has_value()) {
      const auto effective = protocol::integer_field(applied.value(), "effective");
      if (auto pid = protocol::integer_field(applied.value(), "pid"); pid.has_value()) fault.victim_pid = pid.value();
      fault.effective = since_began(effective.has_value() ? effective.value() : monotonic_ns());
      if (auto proof = protocol::text_field(applied.value(), "proof"); proof.has_value()) fault.proof = proof.value();
      fault.outcome = "proven";
      const std::int64_t over = began_ + fault.effective->count() + step.period.value_or(Duration{0}).count();
      while (running_ && monotonic_ns() < over)
        co_await pause_until(std::min(monotonic_ns() + turn_length.count(), over));
    } else if (running_) {
      fault.outcome = "not proven";
      fault.detail = applied.error().context;
      document_.problems.push_back(fault.detail);
    }
  }
  if (running_ && fault.asked && signal_ == 0) {
    fault.undo_asked = since_began(monotonic_ns());
    progress_.note(fmt::format("undo {} on {}", step.fault, step.victim));
    const Duration limit = std::max(step.spec.undo_max, request_.scenario.broker.start_timeout) + undo_slack;
    auto reverted = co_await agent.request("revert", number, limit);
    if (reverted.has_value()) {
      const auto restored = protocol::integer_field(reverted.value(), "restored");
      const std::int64_t at = restored.has_value() ? restored.value() : monotonic_ns();
      fault.restored = since_began(at);
      last_told_ = monotonic_ns();  // whoever judges the history finds the end here, however early it was proven
      if (auto proof = protocol::text_field(reverted.value(), "proof"); proof.has_value())
        fault.restored_proof = proof.value();
      progress_.note(fmt::format("{} is back: {}", step.victim, fault.restored_proof));
      if (auto doubt = protocol::text_field(reverted.value(), "doubt"); doubt.has_value()) {
        fault.outcome = "not proven";
        fault.detail = doubt.value();
        fail({ErrorKind::lost, fmt::format("step {}: {}", step.number, fault.detail)}, "fault-not-in-force");
      }
    } else if (running_ && signal_ == 0 && !agent.lost() && !agent.silent()) {  // else: put_back() finds out
      fault.outcome = "not restored";
      fault.detail = reverted.error().context;
      unrestored_ = true;
      fail({ErrorKind::unrestored, fmt::format("{} could not be restored: {}", step.victim, fault.detail)},
           step.victim + "-not-restored");
    }
  }
  --steps_under_way_;
}

asio::awaitable<Result<void>> Experiment::await_recovery() {
  const auto* recovery = find_invariant(request_.scenario, "recovery");
  const std::int64_t windows = recovery == nullptr ? windows_default : parameter(*recovery, "windows", windows_default);
  if (last_told_ && recovery != nullptr && steady_.watches()) {
    begin_phase("recovery");
    // A good window that ends within `within` may be the first of several: the load goes on until those are seen too.
    const Duration within = parameter(*recovery, "within", Duration{10s});
    const std::int64_t end = *last_told_ + within.count() + steady_.interval().count() * (windows + 1);
    while (!steady_.steady_after(*last_told_, windows) && monotonic_ns() < end) {
      BOOST_OUTCOME_CO_TRY(co_await turn(end));
    }
  }
  for (auto& fault : document_.faults) {
    if (!fault.restored) continue;
    const auto steady = steady_.steady_after(began_ + fault.restored->count(), windows);
    if (steady) fault.steady = since_began(*steady);
  }
  co_return success();
}

asio::awaitable<Result<void>> Experiment::end_load() {
  begin_phase("finish producers");
  json::object finish{{"timeout", finish_max.count()}};
  BOOST_OUTCOME_CO_TRY(auto finished, co_await ask("finish_producers", std::move(finish), finish_max + undo_slack));
  BOOST_OUTCOME_CO_TRY(demand_proof(finished, "closed"));
  begin_phase("drain");
  json::object idle{{"timeout", drain_idle_max.count()}};
  BOOST_OUTCOME_CO_TRY(auto drained, co_await ask("drain", std::move(idle), drain_max));
  co_return demand_proof(drained, "drained");
}

Result<void> Experiment::demand_proof(const json::object& reply, std::string_view what) {
  if (const json::value* proven = reply.if_contains(what); proven != nullptr && *proven == true) return success();
  const auto detail = protocol::text_field(reply, "detail");
  fail({ErrorKind::timeout, "the drain is not proven: " + (detail.has_value() ? detail.value() : "no reason given")},
       "drain-not-proven");
  return *failure_;
}

asio::awaitable<void> Experiment::end_agents() {
  if (!fleet_) co_return;
  begin_phase("stop");
  const PutBack ending = co_await fleet_->put_back();
  unrestored_ = unrestored_ || !ending.restored;
  document_.problems.insert(document_.problems.end(), ending.problems.begin(), ending.problems.end());
}

void Experiment::take_records(const protocol::RecordBatch& batch) {
  if (!recorder_) return;
  recorder_->add(batch);
  steady_.observe(batch.worker, batch.records);
}

void Experiment::take_event(const std::string& process, const json::object& event) {
  const auto time = protocol::integer_field(event, "time");
  const auto type = protocol::text_field(event, "type");
  const auto f = protocol::text_field(event, "f");
  const json::value* fields = event.if_contains("fields");
  if (!recorder_ || !time.has_value() || !type.has_value() || !f.has_value() || fields == nullptr ||
      !fields->is_object())
    return;
  recorder_->add(time.value(), {process, type_from(type.value()), f.value(), fields->get_object()});
}

void Experiment::write_history(std::int64_t watermark) {
  if (!recorder_) return;
  complete_until_ = watermark - merge_slack.count();
  if (auto written = recorder_->write_until(complete_until_); written.has_error()) fail(written.error(), "disk-full");
}

void Experiment::record(std::string f, history::Type type, json::object fields) {
  recorder_->add(monotonic_ns(), {"controller", type, std::move(f), std::move(fields)});
}

}  // namespace troop::controller
