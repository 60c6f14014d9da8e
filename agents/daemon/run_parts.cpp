#include "agents/daemon/run_parts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstdio>

#include "agents/faults/control_faults.hpp"
#include "agents/host/elsewhere.hpp"
#include "agents/workers/session.hpp"
#include "common/ids.hpp"

namespace troop::agents {
namespace fs = std::filesystem;
namespace {

constexpr Duration declare_max = std::chrono::seconds{10};  // each step of it

}  // namespace

BrokerPart::BrokerPart(std::string name, const model::Broker& wanted, const fs::path& folder, UndoJournal& journal,
                       const bool& stopping)
    : name_(std::move(name)), broker_(wanted, folder, stopping), process_record_(journal), epmd_record_(journal) {}

Result<void> BrokerPart::start() {
  const bool epmd_runs = broker_.epmd().alive();
  BOOST_OUTCOME_TRY(broker_.spawn());
  if (!epmd_runs) {
    BOOST_OUTCOME_TRY(epmd_record_.started("epmd", broker_.epmd()));
  }
  return process_record_.started(name_, broker_.process());
}

asio::awaitable<Result<Proof>> BrokerPart::ready() {
  return ready_by(monotonic_ns() + broker_.wanted().start_timeout.count());
}

asio::awaitable<Result<Proof>> BrokerPart::ready_by(std::int64_t deadline) {
  const std::int64_t asked = monotonic_ns();
  BOOST_OUTCOME_CO_TRY(co_await broker_.ready(deadline));
  meant_to_run = true;
  const std::int64_t now = monotonic_ns();
  Proof proof{now, fmt::format("AMQP answered on port {} after {} ms, pid {}", broker_.address().port,
                               (now - asked) / 1'000'000, broker_.process().pid())};
  if (!broker_.in_cluster()) co_return proof;
  const auto running = co_await broker_.running_nodes();
  proof.text += running.has_value() ? fmt::format(", in a cluster of {}", running.value())
                                    : std::string{", which does not say what nodes it sees"};
  co_return proof;
}

asio::awaitable<Result<ClockOffset>> BrokerPart::clock() {
  const auto wall = [] { return std::chrono::system_clock::now().time_since_epoch(); };
  const Duration before = wall();
  BOOST_OUTCOME_CO_TRY(const auto its, co_await broker_.wall_clock());
  co_return ClockOffset{its - wall(), its - before + std::chrono::milliseconds{1}};  // it tells whole milliseconds
}

asio::awaitable<Result<void>> BrokerPart::end() {
  BOOST_OUTCOME_CO_TRY(co_await broker_.process().end(Duration{0}));
  BOOST_OUTCOME_CO_TRY(process_record_.ended());
  BOOST_OUTCOME_CO_TRY(co_await broker_.epmd().end(Duration{0}));
  co_return epmd_record_.ended();
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
    BOOST_OUTCOME_TRY(parts->declare_nodes(broker, network));
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
      parts->workers_.back()->checks_certificates = parts->attached_ && parts->broker_address().tls;
      const std::string& place = model::place(on, number, broker.host);
      const NetworkHost* host = network.find(place);
      if (host == nullptr && !place.empty()) return Error{ErrorKind::protocol, "there is no host '" + place + "'"};
      if (host != parts->broker_host_) parts->workers_.back()->run_on(*host);
      // The node beside it; from hosts without one, they take turns.
      const auto& nodes = parts->node_hosts_;
      const auto beside = std::ranges::find(nodes, host);
      if (beside != nodes.end())
        parts->workers_.back()->first_node = static_cast<std::size_t>(beside - nodes.begin());
      else if (!nodes.empty())
        parts->workers_.back()->first_node = static_cast<std::size_t>(number - 1) % nodes.size();
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

Result<void> RunParts::declare_nodes(const model::Broker& broker, const Network& network) {
  broker_ = std::make_unique<BrokerPart>(model::node_name(1), broker, folder_, journal_, stopping_);
  if (broker.nodes_on.empty()) {
    if (broker_host_ != nullptr) broker_->broker().listen_on(broker_host_->address);
    return success();
  }
  ClusterPlace place;
  for (const auto& name : broker.nodes_on) {
    const NetworkHost* host = network.find(name);
    if (host == nullptr) return Error{ErrorKind::protocol, "there is no host '" + name + "'"};
    node_hosts_.push_back(host);
    place.addresses.push_back(host->address);
  }
  broker_->broker().join(place, -1);
  for (place.index = 1; place.index < node_hosts_.size(); ++place.index) {
    const std::string name = model::node_name(place.index + 1);
    further_nodes_.push_back(std::make_unique<BrokerPart>(name, broker, folder_ / name, journal_, stopping_));
    further_nodes_.back()->broker().join(place, node_hosts_[place.index]->netns.get());
  }
  return success();
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

BrokerControl* RunParts::control_of(std::string_view node) {
  for (const auto& each : further_nodes_) {
    if (each->name() == node) return each->broker().control();
  }
  return broker_control();
}

Part* RunParts::find(std::string_view name) {
  if (Part* part = broker(); part != nullptr && name == part->name()) return part;
  for (const auto& node : further_nodes_) {
    if (node->name() == name) return node.get();
  }
  for (const auto& worker : workers_) {
    if (worker->name() == name) return worker.get();
  }
  return nullptr;
}

WorkloadRoute RunParts::route() const {
  if (topology_.queues.empty()) return {};
  return {topology_.queues.front().name, topology_.destination(0).exchange};
}

std::vector<AmqpAddress> RunParts::node_addresses() const {
  std::vector<AmqpAddress> out{broker_address()};
  for (const auto& node : further_nodes_) out.push_back(node->broker().address());
  return out;
}

const AmqpAddress& RunParts::broker_address() const {
  return attached_ ? attached_->broker().address() : broker_->broker().address();
}

asio::awaitable<Result<Proof>> RunParts::start_broker() {
  if (attached_) {
    BOOST_OUTCOME_CO_TRY(co_await attached_->open(journal_));
    co_return co_await attached_->ready();
  }
  BOOST_OUTCOME_CO_TRY(workspace_record_, journal_.append(workspace_record(folder_)));
  BOOST_OUTCOME_CO_TRY(workspace_, Workspace::create(folder_));
  BOOST_OUTCOME_CO_TRY(const auto secrets, fresh_secrets(broker_->broker().wanted()));
  BOOST_OUTCOME_CO_TRY(broker_->broker().configure(secrets));
  BOOST_OUTCOME_CO_TRY(broker_->start());
  if (!further_nodes_.empty()) co_return co_await start_cluster(secrets);
  co_return co_await broker_->ready();
}

/// All at once: they agree among themselves on who is first. The first one's folder holds those of the others.
asio::awaitable<Result<Proof>> RunParts::start_cluster(const BrokerSecrets& secrets) {
  const std::int64_t asked = monotonic_ns();
  for (const auto& node : further_nodes_) {
    std::error_code failure;
    fs::create_directory(folder_ / node->name(), failure);
    if (failure) co_return Error{ErrorKind::lost, (folder_ / node->name()).string() + ": " + failure.message()};
    BOOST_OUTCOME_CO_TRY(node->broker().configure(secrets));
    BOOST_OUTCOME_CO_TRY(node->start());
  }
  const std::int64_t deadline = asked + broker_->broker().wanted().start_timeout.count();
  BOOST_OUTCOME_CO_TRY(co_await broker_->ready_by(deadline));
  for (const auto& node : further_nodes_) {
    auto ready = co_await node->ready_by(deadline);
    if (ready.has_error()) co_return std::move(ready).error().within(node->name());
  }
  const auto wanted = static_cast<std::int64_t>(node_hosts_.size());
  while (true) {
    const auto asked_now = co_await broker_->broker().running_nodes();
    const std::int64_t running = asked_now.has_value() ? asked_now.value() : 0;
    const std::int64_t now = monotonic_ns();
    if (running == wanted)
      co_return Proof{now, fmt::format("a cluster of {} nodes after {} ms", running, (now - asked) / 1'000'000)};
    if (stopping_) co_return Error{ErrorKind::cancelled, "waiting for the cluster was ended"};
    if (now > deadline) {
      co_return Error{ErrorKind::unrestored,
                      fmt::format("of {} nodes only {} are in the cluster within {}", wanted, running,
                                  model::to_text(broker_->broker().wanted().start_timeout))};
    }
    co_await pause_for(std::chrono::milliseconds{500});
  }
}

/// What the cluster has to know before the first client comes: who mirrors, and where the queues begin.
asio::awaitable<Result<void>> RunParts::prepare_queues(std::uint64_t seed) {
  const model::Queue& queue = workload_.queue;
  for (const auto& declared : topology_.queues) {
    if (!queue.mirrored || declared.use != model::QueueDeclaration::Use::work) continue;
    boost::json::object mirrors{{"name", "troop.mirrors." + declared.name},
                                {"pattern", exactly(declared.name)},
                                {"apply_to", "queues"},
                                {"priority", 0}};
    mirrors["definition"] = {{"ha-mode", "all"}, {"ha-sync-mode", "automatic"}};
    BOOST_OUTCOME_CO_TRY(co_await broker_control()->set_policy(std::move(mirrors)));
  }
  if (queue.declared_on.empty()) co_return success();
  const auto host = std::ranges::find(node_hosts_, queue.declared_on, &NetworkHost::name);
  if (host == node_hosts_.end()) co_return usage_error("there is no node on '" + queue.declared_on + "'");
  WorkerConfig config = worker_config(WorkerConfig::Role::producer, 1, workload_);
  AmqpAddress address = broker_address();
  address.host = (*host)->address;
  aim(config, address, seed);
  config.workload.publish.retry.timeout = declare_max;
  const std::function<std::string()> declare = [config] {
    const OpenOutcome opened = Session::open(config);
    if (opened.session != nullptr) (void)opened.session->close();
    return opened.session != nullptr ? std::string{} : opened.why;
  };
  const std::string why = co_await elsewhere(declare);
  if (!why.empty()) co_return Error{ErrorKind::lost, fmt::format("declare on {}: {}", queue.declared_on, why)};
  co_return success();
}

void RunParts::connect(WorkerPart& worker, std::uint64_t seed) {
  AmqpAddress address = broker_address();
  if (node_hosts_.empty()) {
    if (worker.is_elsewhere() && broker_host_ != nullptr) address.host = broker_host_->address;
    return worker.connect_to(address, {}, seed);
  }
  std::vector<std::string> hosts;
  for (std::size_t i = 0; i < node_hosts_.size(); ++i) {
    hosts.push_back(node_hosts_[(worker.first_node + i) % node_hosts_.size()]->address);
  }
  address.host = hosts.front();
  hosts.erase(hosts.begin());
  worker.connect_to(address, std::move(hosts), seed);
}

asio::awaitable<Result<void>> RunParts::start_workers(std::uint64_t seed) {
  BOOST_OUTCOME_CO_TRY(co_await prepare_queues(seed));
  if (stopping_) co_return Error{ErrorKind::cancelled, "starting the workers was ended"};
  std::vector<std::string> names;
  for (const auto& worker : workers_) {
    if (!worker->last_resort) names.push_back(worker->name());
  }
  if (attached_) attached_->workers_start(seed, std::move(names));
  for (const auto& worker : workers_) {
    connect(*worker, seed);
    if (worker->last_resort) continue;
    BOOST_OUTCOME_CO_TRY(worker->start());
  }
  co_return success();
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
  for (const auto& node : further_nodes_) node->meant_to_run = false;
  for (const auto& worker : workers_) {
    worker->meant_to_run = false;
    worker->ring().command(WorkerCommand::abort);
  }
  for (const auto& worker : workers_) note(co_await worker->end());
  for (const auto& node : further_nodes_) note(co_await node->end());
  if (broker_) note(co_await broker_->end());
  // What they left behind (RabbitMQ's helpers) ends when its pipe closes, and is ours to reap.
  for (int round = 0; round < 100 && !children().empty(); ++round) {
    end_orphans({});
    co_await pause_for(std::chrono::milliseconds{5});
  }
  if (!workspace_.path().empty()) {
    std::error_code failure;
    for (const auto& log : broker_logs(folder_, {broker_->broker().address().password})) keep(log);
    for (const auto& node : further_nodes_) {
      for (auto& log : broker_logs(folder_ / node->name(), {broker_->broker().address().password})) {
        log.name.replace(0, broker_->name().size(), node->name());
        keep(log);
      }
    }
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
