#include "agents/daemon/control_session.hpp"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdio>
#include <thread>

#include "agents/daemon/drain.hpp"
#include "agents/host/policy.hpp"
#include "agents/protocol/spawn.hpp"
#include "agents/veto.hpp"
#include "common/version.hpp"
#include "scenarios/model/faults/catalogue.hpp"

namespace troop::agents {
namespace json = boost::json;
namespace {

constexpr Duration pump_interval = std::chrono::milliseconds{10};
constexpr Duration pulse_interval = std::chrono::milliseconds{100};  // where there are no workers
constexpr Duration version_max = std::chrono::seconds{4};  // to connect, and to log in: blocks for less than the lease
constexpr Duration farewell_max = std::chrono::seconds{1};
/// What is held expires in the kernel after a lease: it is renewed often enough to miss a few times.
constexpr Duration holding_interval = protocol::lease / 5;
constexpr Duration watch_interval = std::chrono::milliseconds{100};
constexpr Duration idle_interval = std::chrono::milliseconds{500};  // nothing was planned yet
constexpr std::size_t records_per_frame = 8192;
constexpr std::size_t queued_bytes_max = 8 << 20;

json::object proof_json(std::string_view time_name, const Proof& proof) {
  return {{time_name, proof.time}, {"proof", proof.text}};
}

/// The host's policy, where neither it nor a veto is against the request's environment.
Result<Policy> admitted(const json::object& request) {
  BOOST_OUTCOME_TRY(const auto environment, protocol::text_field(request, "environment"));
  BOOST_OUTCOME_TRY(not_vetoed(state_folder()));
  BOOST_OUTCOME_TRY(auto policy, read_policy());
  BOOST_OUTCOME_TRY(admits_environment(policy, environment));
  return policy;
}

}  // namespace

ControlSession::ControlSession(asio::io_context& io, std::shared_ptr<protocol::Channel> channel, UndoJournal& journal,
                               std::vector<std::string> unpaid, pid_t controller)
    : io_(io),
      channel_(std::move(channel)),
      journal_(journal),
      unpaid_(std::move(unpaid)),
      controller_(controller),
      last_renewal_(monotonic_ns()) {}

void ControlSession::interrupt(std::string reason) {
  if (ended_) return;
  ended_ = true;
  channel_->send(protocol::message_frame(json::serialize(json::object{{"notice", "ending"}, {"reason", reason}})));
  protocol::spawn(io_, close_channel());
}

asio::awaitable<void> ControlSession::close_channel() {
  const std::int64_t deadline = monotonic_ns() + farewell_max.count();
  while (channel_->queued_bytes() > 0 && monotonic_ns() < deadline) co_await pause_for(std::chrono::milliseconds{1});
  channel_->close();
}

asio::awaitable<std::vector<std::string>> ControlSession::serve() {
  protocol::spawn(io_, watch_lease());
  while (!ended_) {
    auto frame = co_await channel_->receive();
    if (ended_ || frame.has_error() || frame.value().kind != protocol::FrameKind::message) break;
    auto request = protocol::parse_message(frame.value().body);
    if (request.has_error()) break;
    last_renewal_ = monotonic_ns();
    protocol::spawn(io_, answer(std::move(request).value()));
  }
  ended_ = true;
  co_return co_await put_back();
}

asio::awaitable<void> ControlSession::answer(json::object request) {
  const InOperation counted{operations_};
  auto result = co_await perform_safely(request);
  json::object reply;
  if (result.has_error()) {
    reply["error"] = protocol::to_json(result.error());
  } else {
    reply = std::move(result).value();
  }
  const auto id = protocol::integer_field(request, "id");
  reply["reply"] = id.has_value() ? id.value() : -1;
  channel_->send(protocol::message_frame(json::serialize(reply)));
}

asio::awaitable<Result<json::object>> ControlSession::perform_safely(const json::object& request) {
  std::string what;
  try {
    co_return co_await perform(request);
  } catch (const std::exception& thrown) {
    what = thrown.what();
  }
  co_return Error{ErrorKind::lost, "the agent failed: " + what};
}

asio::awaitable<Result<json::object>> ControlSession::perform(const json::object& request) {
  BOOST_OUTCOME_CO_TRY(auto name, protocol::text_field(request, "request"));
  if (name == "hello") co_return hello(request);
  if (name == "prepare") co_return co_await prepare(request);
  if (name == "renew") co_return renew();
  if (name == "make_hosts") co_return make_hosts(request);
  if (!parts_) co_return Error{ErrorKind::protocol, "'" + name + "' before 'prepare'"};
  if (put_back_) co_return Error{ErrorKind::protocol, "'" + name + "' after 'stop'"};
  if (name == "start_broker") co_return co_await start_broker();
  if (name == "start_workers") co_return co_await start_workers(request);
  if (name == "begin") {
    parts_->experiment_began(monotonic_ns());
    co_return json::object{};
  }
  if (name == "apply") co_return co_await apply(request);
  if (name == "revert") co_return co_await revert(request);
  if (name == "finish_producers") co_return co_await finish_producers(request);
  if (name == "drain") co_return co_await drain(request);
  if (name == "stop") co_return co_await stop();
  co_return Error{ErrorKind::protocol, "unknown request '" + name + "'"};
}

Result<json::object> ControlSession::hello(const json::object& request) {
  BOOST_OUTCOME_TRY(const auto peer, protocol::integer_field(request, "version"));
  if (peer != protocol::version) {
    return usage_error(fmt::format("controller speaks protocol {}, this agent {}: install the same version of both",
                                   peer, protocol::version));
  }
  BOOST_OUTCOME_TRY(run_directory_, protocol::text_field(request, "directory"));
  utsname host{};
  uname(&host);
  json::array unpaid;
  for (const auto& problem : unpaid_) unpaid.emplace_back(problem);
  return json::object{{"version", protocol::version},
                      {"agent", troop::version},
                      {"pid", getpid()},
                      {"clock", clock_source()},
                      {"time", monotonic_ns()},
                      {"host", host.nodename},
                      {"kernel", fmt::format("{} {} {}", host.sysname, host.release, host.machine)},
                      {"cpus", std::thread::hardware_concurrency()},
                      {"unpaid", std::move(unpaid)}};
}

Result<json::object> ControlSession::renew() {
  const std::int64_t now = monotonic_ns();
  if (!parts_ || now - last_held_ < holding_interval.count()) return json::object{};
  for (const auto& [step, holding] : parts_->holdings()) {
    if (auto renewed = holding->renew(); renewed.has_error()) {
      return std::move(renewed).error().within(fmt::format("step {} could not be kept in force", step));
    }
  }
  last_held_ = now;
  return json::object{};
}

Result<json::object> ControlSession::make_hosts(const json::object& request) {
  if (parts_ || !network_.hosts().empty())
    return Error{ErrorKind::protocol, "'make_hosts' comes once, before 'prepare'"};
  BOOST_OUTCOME_TRY(admitted(request));
  const json::value* wanted = request.if_contains("hosts");
  BOOST_OUTCOME_TRY(const auto hosts, protocol::hosts_from_json(wanted == nullptr ? json::value{} : *wanted));
  BOOST_OUTCOME_TRY(const auto own, protocol::text_field(request, "own"));
  BOOST_OUTCOME_TRY(network_, Network::make(hosts));
  const NetworkHost* here = network_.find(own);
  if (here == nullptr) return Error{ErrorKind::protocol, "there is no host '" + own + "'"};
  BOOST_OUTCOME_TRY(enter(here->netns.get()));
  json::array made;
  for (const auto& host : network_.hosts()) {
    const std::string path = fmt::format("/proc/{}/fd/{}", getpid(), host.netns.get());
    made.push_back(protocol::to_json(protocol::HostPlace{host.name, path, host.address, host.address6}));
  }
  return json::object{{"hosts", std::move(made)}};
}

asio::awaitable<Result<json::object>> ControlSession::prepare(const json::object& request) {
  if (parts_) co_return Error{ErrorKind::protocol, "'prepare' a second time"};
  const auto field = [&](std::string_view name) { return request.contains(name) ? request.at(name) : json::value{}; };
  BOOST_OUTCOME_CO_TRY(const auto policy, admitted(request));
  model::Broker broker;
  model::Workload workload;
  if (request.contains("broker")) {
    BOOST_OUTCOME_CO_TRY(broker, protocol::broker_from_json(field("broker")));
    BOOST_OUTCOME_CO_TRY(workload, protocol::workload_from_json(field("workload")));
    if (!broker.attach) {
      BOOST_OUTCOME_CO_TRY(ManagedBroker::check(broker));
    }
    const auto log = std::filesystem::path{run_directory_} / "workers.log";
    BOOST_OUTCOME_CO_TRY(parts_, RunParts::create(broker, workload, log, journal_, network_));
  } else {
    parts_ = RunParts::none(journal_);
  }
  parts_->set_controller(controller_);
  protocol::spawn(io_, pump_records());
  protocol::spawn(io_, watch_parts());
  BOOST_OUTCOME_CO_TRY(const auto hosts, protocol::places_from_json(field("hosts")));
  std::vector<Peer> peers;
  for (const auto& host : hosts) peers.push_back({host.name, host.address, host.address6});
  parts_->set_peers(std::move(peers));
  const json::value steps = field("steps");
  if (!steps.is_array()) co_return Error{ErrorKind::protocol, "field 'steps' is missing or wrong"};
  for (const auto& entry : steps.get_array()) {
    Step step;
    BOOST_OUTCOME_CO_TRY(step.order, protocol::step_from_json(entry));
    step.fault = find_fault(step.order.fault);
    if (step.fault == nullptr) co_return usage_error("this agent has no fault '" + step.order.fault + "'");
    const auto* spec = model::find_fault(model::faults(), step.order.fault);
    if (spec == nullptr || (spec->period == model::FaultSpec::Period::required && !step.order.period)) {
      co_return usage_error(step.order.fault + ": nobody says for how long");  // no policy could bound it
    }
    BOOST_OUTCOME_CO_TRY(admits_fault(policy, step.order.fault, step.order.period));
    if (broker.attach) {
      if (step.order.victim == parts_->attached()->name()) {
        BOOST_OUTCOME_CO_TRY(
            admits_target(policy, step.order.fault, parts_->broker_address().host, parts_->broker_address().port));
      }
      const auto why = model::refusal(*broker.attach, workload, step.order.fault, step.order.parameters);
      if (!why.empty()) co_return usage_error(why);
      BOOST_OUTCOME_CO_TRY(co_await parts_->attached()->check_step(step.order));
    }
    BOOST_OUTCOME_CO_TRY(step.undo, step.fault->plan(*parts_, step.order));
    co_await pause_for(Duration{0});  // so that nobody thinks we hang, where names take long to resolve
    steps_[step.order.number] = std::move(step);
  }
  if (parts_->attached() != nullptr) {
    BOOST_OUTCOME_CO_TRY(co_await parts_->attached()->check());
  }
  co_return json::object{};
}

asio::awaitable<Result<json::object>> ControlSession::start_broker() {
  const std::int64_t asked = monotonic_ns();
  Part* const broker = parts_->broker();
  if (broker == nullptr) co_return Error{ErrorKind::protocol, "'start_broker' where there is none"};
  BOOST_OUTCOME_CO_TRY(auto proof, co_await parts_->start_broker());
  const AmqpAddress& address = parts_->broker_address();
  BOOST_OUTCOME_CO_TRY(auto version, broker_version(address, version_max));
  co_await pause_for(Duration{0});                                          // so that nobody thinks we hang
  const auto platform = broker_property(address, "platform", version_max);  // for the record only
  co_return json::object{{"port", address.port},
                         {"version", version},
                         {"platform", platform.has_value() ? platform.value() : ""},
                         {"pid", broker->process().pid()},
                         {"asked", asked},
                         {"ready", proof.time}};
}

asio::awaitable<Result<json::object>> ControlSession::start_workers(const json::object& request) {
  BOOST_OUTCOME_CO_TRY(const auto seed, protocol::integer_field(request, "seed"));
  BOOST_OUTCOME_CO_TRY(co_await parts_->start_workers(static_cast<std::uint64_t>(seed)));
  json::array names;
  for (const auto& worker : parts_->workers()) {
    names.emplace_back(worker->name());
    if (worker->last_resort) continue;
    BOOST_OUTCOME_CO_TRY(co_await worker->ready());
  }
  co_return json::object{{"workers", std::move(names)}};
}

Result<ControlSession::Step*> ControlSession::find_step(const json::object& request) {
  BOOST_OUTCOME_TRY(const auto number, protocol::integer_field(request, "step"));
  const auto found = steps_.find(number);
  if (found == steps_.end()) return Error{ErrorKind::protocol, fmt::format("no step {} was prepared", number)};
  if (found->second.busy) return Error{ErrorKind::protocol, fmt::format("step {} is under way", number)};
  return &found->second;
}

namespace {

/// Also where what it is busy with throws.
class Busy {
 public:
  explicit Busy(bool& flag) : flag_(flag) { flag_ = true; }
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;
  ~Busy() { flag_ = false; }

 private:
  bool& flag_;
};

}  // namespace

asio::awaitable<Result<json::object>> ControlSession::apply(const json::object& request) {
  BOOST_OUTCOME_CO_TRY(auto step, find_step(request));
  if (step->record) co_return Error{ErrorKind::protocol, "the step is in force already"};
  BOOST_OUTCOME_CO_TRY(not_vetoed(state_folder()));
  const Busy busy{step->busy};
  Part* const victim = parts_->find(step->order.victim);
  const pid_t pid = victim == nullptr ? 0 : victim->process().pid();  // before it may be gone
  notify_fault(*step, "start", "invoke", monotonic_ns());
  if (step->fault->look != nullptr) {
    auto looked = co_await step->fault->look(*parts_, step->order, step->undo.state);
    if (looked.has_error()) {
      notify_fault(*step, "start", "fail", monotonic_ns(), looked.error().context);  // nothing was changed
      co_return looked.error();
    }
  }
  auto recorded = journal_.append(signed_record(*step));
  Result<Proof> proof = recorded.has_error() ? Result<Proof>{recorded.error()} : Result<Proof>{Proof{}};
  if (recorded.has_value()) {
    step->record = recorded.value();
    proof = co_await step->fault->apply(*parts_, step->order, step->undo.state);
  }
  if (proof.has_error()) {
    notify_fault(*step, "start", "info", monotonic_ns(), proof.error().context);
    co_return proof.error();
  }
  step->proven = true;
  notify_fault(*step, "start", "ok", proof.value().time);
  if (step->order.period) step->due = proof.value().time + step->order.period->count() + protocol::lease.count();
  auto reply = proof_json("effective", proof.value());
  reply["pid"] = pid;
  co_return reply;
}

asio::awaitable<Result<void>> ControlSession::is_in_force(Step& step) {
  if (const auto held = parts_->holdings().find(step.order.number); held != parts_->holdings().end()) {
    BOOST_OUTCOME_CO_TRY(held->second->renew());
  }
  if (!step.proven || step.fault->in_force == nullptr) co_return success();
  co_return co_await step.fault->in_force(*parts_, step.order, step.undo.state);
}

asio::awaitable<Result<json::object>> ControlSession::revert(const json::object& request) {
  BOOST_OUTCOME_CO_TRY(auto step, find_step(request));
  const Busy busy{step->busy};
  Result<void> in_force = success();
  if (!ended_) in_force = co_await is_in_force(*step);
  step->proven = false;
  notify_fault(*step, "stop", "invoke", monotonic_ns());
  auto proof = co_await step->fault->revert(*parts_, step->order, step->undo.state);
  if (proof.has_error()) {
    // The record stays open: whatever is left is put back by put_back(), or by the next agent.
    notify_fault(*step, "stop", parts_->stopping() ? "info" : "fail", monotonic_ns(), proof.error().context);
    co_return proof.error();
  }
  notify_fault(*step, "stop", "ok", proof.value().time);
  if (step->record) {
    BOOST_OUTCOME_CO_TRY(journal_.settle(*step->record));
    step->record.reset();
  }
  auto reply = proof_json("restored", proof.value());
  if (in_force.has_error()) reply["doubt"] = "not proven in force until its end: " + in_force.error().context;
  co_return reply;
}

asio::awaitable<Result<json::object>> ControlSession::finish_producers(const json::object& request) {
  BOOST_OUTCOME_CO_TRY(const auto timeout, protocol::integer_field(request, "timeout"));
  const Ending ending = co_await agents::finish_producers(*parts_, Duration{timeout});
  send_records();  // all that producers will ever say has been said before the reply
  co_return json::object{{"closed", ending.proven}, {"detail", ending.detail}};
}

asio::awaitable<Result<json::object>> ControlSession::drain(const json::object& request) {
  BOOST_OUTCOME_CO_TRY(const auto timeout, protocol::integer_field(request, "timeout"));
  const Ending ending = co_await agents::drain(*parts_, Duration{timeout});
  send_records();
  for (const auto& queue : parts_->topology().queues) {
    if (ending.proven) notify_event("ok", "drain", monotonic_ns(), {{"queue", queue.name}});
  }
  co_return json::object{{"drained", ending.proven}, {"detail", ending.detail}};
}

asio::awaitable<Result<json::object>> ControlSession::stop() {
  --operations_;  // this request itself does not have to end before the parts go
  const auto problems = co_await put_back();
  ++operations_;
  json::array texts;
  for (const auto& problem : problems) texts.emplace_back(problem);
  co_return json::object{{"clean", problems.empty()}, {"problems", std::move(texts)}};
}

asio::awaitable<void> ControlSession::pump_records() {
  while (!ended_) {
    send_records();
    co_await pause_for(parts_->workers().empty() ? pulse_interval : pump_interval);
  }
}

void ControlSession::send_records() {
  if (channel_->queued_bytes() > queued_bytes_max) return;  // the rings hold on to it meanwhile
  const std::int64_t now = monotonic_ns();
  std::uint16_t index = 0;
  for (const auto& worker : parts_->workers()) {
    Ring& ring = worker->ring();
    for (auto records = ring.peek(); !records.empty(); records = ring.peek()) {
      const auto batch = records.first(std::min(records.size(), records_per_frame));
      channel_->send(protocol::records_frame(index, batch));
      ring.consume(batch.size());
    }
    ++index;
  }
  channel_->send(protocol::watermark_frame(now));
}

asio::awaitable<void> ControlSession::watch_parts() {
  while (!ended_) {
    co_await pause_for(watch_interval);
    if (parts_->stopping()) continue;
    const auto watch = [&](Part& part) {
      if (!part.meant_to_run || part.process().alive()) return;
      part.meant_to_run = false;
      channel_->send(protocol::message_frame(json::serialize(
          json::object{{"notice", "died"}, {"part", part.name()}, {"detail", part.process().ending()}})));
    };
    for (const auto& worker : parts_->workers()) watch(*worker);
    for (const auto& worker : parts_->workers()) {
      if (worker->ring().corrupt()) interrupt("the evidence of " + worker->name() + " is corrupt");
    }
    if (Part* broker = parts_->broker()) watch(*broker);
    for (const auto& node : parts_->further_nodes()) watch(*node);
  }
}

asio::awaitable<void> ControlSession::watch_lease() {
  while (!ended_) {
    co_await pause_for(parts_ ? watch_interval : idle_interval);
    if (monotonic_ns() - last_renewal_ > protocol::lease.count()) interrupt("the controller was silent for too long");
    if (const auto vetoed = not_vetoed(state_folder()); vetoed.has_error()) interrupt(vetoed.error().context);
    if (parts_) end_overdue();
  }
}

void ControlSession::notify_event(std::string_view type, std::string_view f, std::int64_t time, json::object fields) {
  json::object notice{{"notice", "event"}, {"time", time}, {"type", type}, {"f", f}};
  notice["fields"] = std::move(fields);
  channel_->send(protocol::message_frame(json::serialize(notice)));
}

void ControlSession::notify_fault(const Step& step, std::string_view phase, std::string_view type, std::int64_t time,
                                  std::string_view error) {
  json::object fields{{"name", step.order.fault}, {"target", step.order.victim}, {"phase", phase}};
  if (!error.empty()) fields["error"] = error;
  notify_event(type, "fault", time, std::move(fields));
}

}  // namespace troop::agents
