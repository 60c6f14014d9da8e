#include "agents/daemon/run_parts.hpp"

#include <fmt/format.h>

#include <csignal>
#include <cstdio>

#include "common/ids.hpp"

namespace troop::agents {
namespace fs = std::filesystem;
namespace {

constexpr Duration worker_start_max = std::chrono::seconds{15};
constexpr Duration worker_grace = std::chrono::seconds{1};

std::string own_path() {
  std::error_code ignored;
  return fs::read_symlink("/proc/self/exe", ignored).string();
}

}  // namespace

Result<void> JournaledProcess::started(const std::string& part, const Process& process) {
  BOOST_OUTCOME_TRY(ended());  // the one before, under the same name
  BOOST_OUTCOME_TRY(record_, journal_.append(process_record(part, process.identity())));
  return success();
}

Result<void> JournaledProcess::ended() {
  if (!record_) return success();
  const std::int64_t number = *record_;
  record_.reset();
  return journal_.settle(number);
}

BrokerPart::BrokerPart(const model::Broker& wanted, const fs::path& folder, UndoJournal& journal, const bool& stopping,
                       const std::string& listen_on)
    : broker_(wanted, folder, stopping, listen_on), process_record_(journal), epmd_record_(journal) {}

Result<void> BrokerPart::start() {
  const bool epmd_runs = broker_.epmd().alive();
  BOOST_OUTCOME_TRY(broker_.spawn());
  if (!epmd_runs) {
    BOOST_OUTCOME_TRY(epmd_record_.started("epmd", broker_.epmd()));
  }
  return process_record_.started(name_, broker_.process());
}

asio::awaitable<Result<Proof>> BrokerPart::ready() {
  const std::int64_t asked = monotonic_ns();
  BOOST_OUTCOME_CO_TRY(co_await broker_.ready());
  meant_to_run = true;
  const std::int64_t now = monotonic_ns();
  co_return Proof{now, fmt::format("AMQP answered on port {} after {} ms, pid {}", broker_.address().port,
                                   (now - asked) / 1'000'000, broker_.process().pid())};
}

asio::awaitable<Result<void>> BrokerPart::end() {
  BOOST_OUTCOME_CO_TRY(co_await broker_.process().end(Duration{0}));
  BOOST_OUTCOME_CO_TRY(process_record_.ended());
  BOOST_OUTCOME_CO_TRY(co_await broker_.epmd().end(Duration{0}));
  co_return epmd_record_.ended();
}

WorkerPart::WorkerPart(WorkerConfig config, Ring ring, fs::path log, UndoJournal& journal)
    : name_(worker_name(config)),
      config_(std::move(config)),
      ring_(std::move(ring)),
      log_(std::move(log)),
      record_(journal) {}

std::string_view WorkerPart::kind() const {
  if (config_.role == WorkerConfig::Role::reader) return "reader";
  return is_producer() ? "producer" : "consumer";
}

void WorkerPart::connect_to(const AmqpAddress& broker, std::uint64_t seed) {
  config_.host = broker.host;
  config_.port = broker.port;
  config_.user = broker.user;
  config_.password = broker.password;
  config_.vhost = broker.vhost;
  config_.tls = broker.tls;
  config_.seed = seed;
}

Result<void> WorkerPart::start() {
  if (started_before_) ring_.prepare_restart();
  started_before_ = true;
  config_.start_ns = monotonic_ns();
  BOOST_OUTCOME_TRY(auto secret, sealed_memory(to_json(config_)));
  std::vector<int> inherited{secret.get(), ring_.fd()};
  if (config_.effects_fd >= 0) inherited.push_back(config_.effects_fd);
  const Spawn what{
      {own_path(), "worker", "--config-fd", std::to_string(secret.get()), "--ring-fd", std::to_string(ring_.fd())},
      {"PATH=/usr/bin:/bin", "LANG=C.UTF-8"},
      log_.string(),
      std::move(inherited),
      {},
      netns_};
  BOOST_OUTCOME_TRY(process_, Process::spawn(what));
  BOOST_OUTCOME_TRY(record_.started(name_, process_));
  return success();
}

asio::awaitable<Result<Proof>> WorkerPart::ready() {
  const std::int64_t deadline = monotonic_ns() + worker_start_max.count();
  while (ring_.state() != WorkerState::connected && process_.alive() && monotonic_ns() < deadline) {
    co_await pause_for(std::chrono::milliseconds{5});
  }
  if (!process_.alive()) co_return Error{ErrorKind::unrestored, name_ + " ended: " + process_.ending()};
  const bool connected = ring_.state() == WorkerState::connected;
  if (!connected && ring_.state() != WorkerState::disconnected) {
    co_return Error{ErrorKind::unrestored, name_ + " does not start"};
  }
  meant_to_run = true;
  co_return Proof{monotonic_ns(),
                  fmt::format("pid {} {}", process_.pid(), connected ? "is connected" : "runs, not connected")};
}

asio::awaitable<Result<void>> WorkerPart::end() {
  ring_.command(WorkerCommand::abort);
  BOOST_OUTCOME_CO_TRY(co_await process_.end(worker_grace));
  co_return record_.ended();
}

Result<std::unique_ptr<RunParts>> RunParts::create(const model::Broker& broker, const model::Workload& workload,
                                                   fs::path log, UndoJournal& journal, const Network& network) {
  auto parts = none(journal);
  parts->workload_ = workload;
  parts->topology_ = model::topology_of(workload);
  parts->log_ = std::move(log);
  if (broker.attach) {
    BOOST_OUTCOME_TRY(parts->attached_,
                      AttachedPart::create(broker, model::names_of(workload), parts->stopping_, random_hex(16)));
  } else {
    parts->broker_host_ = network.find(broker.host);
    if (parts->broker_host_ == nullptr && !broker.host.empty())
      return Error{ErrorKind::protocol, "there is no host '" + broker.host + "'"};
    BOOST_OUTCOME_TRY(parts->folder_, Workspace::choose());
    const std::string listen_on = parts->broker_host_ == nullptr ? "" : parts->broker_host_->address;
    parts->broker_ = std::make_unique<BrokerPart>(broker, parts->folder_, journal, parts->stopping_, listen_on);
  }
  if (workload.consume.idempotency != model::Consume::Idempotency::none) {
    BOOST_OUTCOME_TRY(parts->effects_, EffectsTable::create(parts->topology_.count(model::QueueDeclaration::Use::work),
                                                            static_cast<std::size_t>(workload.producers)));
  }
  const auto declare = [&](WorkerConfig::Role role, std::int64_t count,
                           const std::vector<std::string>& on) -> Result<void> {
    for (std::int64_t number = 1; number <= count; ++number) {
      BOOST_OUTCOME_TRY(auto ring, Ring::create());
      auto config = worker_config(role, number, workload);
      if (role == WorkerConfig::Role::consumer) config.effects_fd = parts->effects_.fd();
      parts->workers_.push_back(std::make_unique<WorkerPart>(std::move(config), std::move(ring), parts->log_, journal));
      const std::string& place = model::place(on, number, broker.host);
      const NetworkHost* host = network.find(place);
      if (host == nullptr && !place.empty()) return Error{ErrorKind::protocol, "there is no host '" + place + "'"};
      if (host != parts->broker_host_) parts->workers_.back()->run_on(*host);
    }
    return success();
  };
  BOOST_OUTCOME_TRY(declare(WorkerConfig::Role::producer, workload.producers, workload.producers_on));
  BOOST_OUTCOME_TRY(declare(WorkerConfig::Role::consumer, workload.consumers, workload.consumers_on));
  const auto sinks = parts->topology_.count(model::QueueDeclaration::Use::sink);
  const auto worked = parts->topology_.count(model::QueueDeclaration::Use::work);
  BOOST_OUTCOME_TRY(declare(WorkerConfig::Role::reader, static_cast<std::int64_t>(sinks + worked), {}));
  for (std::size_t i = parts->workers_.size() - worked; i < parts->workers_.size(); ++i) {
    parts->workers_[i]->last_resort = true;
  }
  return parts;
}

std::unique_ptr<RunParts> RunParts::none(UndoJournal& journal) {
  return std::unique_ptr<RunParts>{new RunParts{journal}};
}

Part* RunParts::broker() {
  if (attached_) return attached_.get();
  return broker_.get();
}

BrokerControl* RunParts::broker_control() {
  if (attached_) return &attached_->broker().control();
  return broker_ ? broker_->broker().control() : nullptr;
}

Part* RunParts::find(std::string_view name) {
  if (Part* part = broker(); part != nullptr && name == part->name()) return part;
  for (const auto& worker : workers_) {
    if (worker->name() == name) return worker.get();
  }
  return nullptr;
}

WorkloadRoute RunParts::route() const {
  if (topology_.queues.empty()) return {};
  return {topology_.queues.front().name, topology_.destination(0).exchange};
}

const AmqpAddress& RunParts::broker_address() const {
  return attached_ ? attached_->broker().address() : broker_->broker().address();
}

asio::awaitable<Result<void>> RunParts::start_broker() {
  if (attached_) co_return co_await attached_->open(journal_);
  BOOST_OUTCOME_CO_TRY(workspace_record_, journal_.append(workspace_record(folder_)));
  BOOST_OUTCOME_CO_TRY(workspace_, Workspace::create(folder_));
  BOOST_OUTCOME_CO_TRY(broker_->broker().configure());
  co_return broker_->start();
}

Result<void> RunParts::start_workers(std::uint64_t seed) {
  std::vector<std::string> names;
  for (const auto& worker : workers_) {
    if (!worker->last_resort) names.push_back(worker->name());
  }
  if (attached_) attached_->workers_start(seed, std::move(names));
  AmqpAddress from_elsewhere = broker_address();
  if (broker_host_ != nullptr) from_elsewhere.host = broker_host_->address;
  for (const auto& worker : workers_) {
    worker->connect_to(worker->is_elsewhere() ? from_elsewhere : broker_address(), seed);
    if (worker->last_resort) continue;
    BOOST_OUTCOME_TRY(worker->start());
  }
  return success();
}

void RunParts::experiment_began(std::int64_t at_ns) {
  for (const auto& worker : workers_) worker->ring().experiment_began(at_ns);
}

asio::awaitable<std::vector<std::string>> RunParts::end_all(std::function<void(const KeptLog&)> keep) {
  stopping_ = true;
  std::vector<std::string> problems;
  const auto note = [&](const Result<void>& result) {
    if (result.has_error()) problems.push_back(result.error().context);
  };
  if (Part* part = broker()) part->meant_to_run = false;
  for (const auto& worker : workers_) {
    worker->meant_to_run = false;
    worker->ring().command(WorkerCommand::abort);
  }
  for (const auto& worker : workers_) note(co_await worker->end());
  if (broker_) note(co_await broker_->end());
  // What they left behind (RabbitMQ's helpers) ends when its pipe closes, and is ours to reap.
  for (int round = 0; round < 100 && !children().empty(); ++round) {
    end_orphans({});
    co_await pause_for(std::chrono::milliseconds{5});
  }
  if (!workspace_.path().empty()) {
    std::error_code failure;
    for (const auto& log : broker_logs(folder_, {broker_->broker().address().password})) keep(log);
    workspace_.remove();
    if (fs::exists(folder_, failure)) problems.push_back(folder_.string() + " could not be removed");
  }
  if (workspace_record_ && problems.empty()) {
    note(journal_.settle(*workspace_record_));
    workspace_record_.reset();
  }
  co_return problems;
}

}  // namespace troop::agents
