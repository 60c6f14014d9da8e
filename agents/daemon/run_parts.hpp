// The parts of one run on this host: a managed broker and the workers, with their journal records.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "agents/daemon/attached_part.hpp"
#include "agents/daemon/kept_log.hpp"
#include "agents/host/namespaces.hpp"
#include "agents/host/workspace.hpp"
#include "agents/part.hpp"
#include "agents/rabbitmq/broker.hpp"
#include "agents/undo_journal.hpp"
#include "agents/workers/config.hpp"
#include "agents/workers/effects_table.hpp"
#include "agents/workers/ring.hpp"
#include "scenarios/model/topology.hpp"

namespace troop::agents {

/// Writes a started process into the journal, and settles it once the process is gone.
class JournaledProcess {
 public:
  explicit JournaledProcess(UndoJournal& journal) : journal_(journal) {}
  Result<void> started(const std::string& part, const Process& process);
  Result<void> ended();

 private:
  UndoJournal& journal_;
  std::optional<std::int64_t> record_;
};

class BrokerPart : public Part {
 public:
  BrokerPart(std::string name, const model::Broker& wanted, const std::filesystem::path& folder, UndoJournal& journal,
             const bool& stopping);
  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] std::string_view kind() const override { return "broker"; }
  [[nodiscard]] Process& process() override { return broker_.process(); }
  [[nodiscard]] std::int64_t disk_mib() const override { return broker_.wanted().disk_mib; }
  [[nodiscard]] int disk() const override { return broker_.disk(); }
  Result<void> let_clock_be_set() override { return broker_.let_clock_be_set(); }
  Result<void> set_clock(Duration offset) override { return broker_.set_clock(offset); }
  asio::awaitable<Result<ClockOffset>> clock() override;
  Result<void> start() override;
  asio::awaitable<Result<Proof>> ready() override;
  /// The same, until then at the latest. Monotonic, ns.
  asio::awaitable<Result<Proof>> ready_by(std::int64_t deadline);
  /// Ends it and its epmd for good: its data is thrown away, so it is not asked.
  asio::awaitable<Result<void>> end();
  [[nodiscard]] ManagedBroker& broker() { return broker_; }

 private:
  std::string name_;
  ManagedBroker broker_;
  JournaledProcess process_record_;
  JournaledProcess epmd_record_;
};

class WorkerPart : public Part {
 public:
  WorkerPart(WorkerConfig config, Ring ring, std::filesystem::path log, UndoJournal& journal);
  /// Where it runs, unless it is where the broker is; before the first start(). `host` outlives it.
  void run_on(const NetworkHost& host) { netns_ = host.netns.get(); }
  [[nodiscard]] bool is_elsewhere() const { return netns_ >= 0; }
  /// Which node of a cluster it connects to first.
  std::size_t first_node = 0;
  /// Where it connects; before the first start(). `next_hosts`: the other nodes, in the order in which it tries them.
  void connect_to(const AmqpAddress& broker, std::vector<std::string> next_hosts, std::uint64_t seed);
  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] std::string_view kind() const override;
  [[nodiscard]] Process& process() override { return process_; }
  Result<ControlGroup> own_group() override;
  Result<void> start() override;
  asio::awaitable<Result<Proof>> ready() override;
  asio::awaitable<Result<void>> end();
  /// A reader that is started only if, at the end, consumers do not take what is in their queue.
  bool last_resort = false;
  [[nodiscard]] Ring& ring() { return ring_; }
  [[nodiscard]] const Ring& ring() const { return ring_; }
  [[nodiscard]] bool is_producer() const { return config_.role == WorkerConfig::Role::producer; }
  /// Its process ended by itself, with its connection proven closed.
  [[nodiscard]] bool closed_cleanly() { return !process_.alive() && ring_.state() == WorkerState::closed_cleanly; }

 private:
  std::string name_;
  WorkerConfig config_;
  Ring ring_;
  std::filesystem::path log_;
  Process process_;
  JournaledProcess record_;
  UndoJournal& journal_;
  std::optional<ControlGroup> group_;  ///< Where it has one of its own.
  std::optional<std::int64_t> group_record_;
  int netns_ = -1;
  bool started_before_ = false;
};

class RunParts : public Parts {
 public:
  /// Declares the parts and starts none: nothing of the host is changed. `log` is a file that the workers' complaints
  /// are appended to; `network`, which outlives the parts, has the hosts they are on. Errors: usage, lost.
  static Result<std::unique_ptr<RunParts>> create(const model::Broker& broker, const model::Workload& workload,
                                                  std::filesystem::path log, UndoJournal& journal,
                                                  const Network& network);
  /// Of a host that has none: faults act on the host itself.
  static std::unique_ptr<RunParts> none(UndoJournal& journal);

  Part* find(std::string_view name) override;
  BrokerControl* broker_control() override;
  BrokerControl* control_of(std::string_view node) override;
  [[nodiscard]] WorkloadRoute route() const override;
  [[nodiscard]] std::vector<Peer> peers() const override { return peers_; }
  [[nodiscard]] std::vector<std::string> ways_to_broker() const override {
    if (node_hosts_.empty()) return {broker_address().host};
    std::vector<std::string> nodes;
    for (const auto* host : node_hosts_) nodes.push_back(host->address);
    return nodes;
  }
  void set_peers(std::vector<Peer> peers) { peers_ = std::move(peers); }
  /// nullptr where there is none.
  [[nodiscard]] Part* broker();
  [[nodiscard]] const AmqpAddress& broker_address() const;
  /// Of each node; where there is no cluster, of the broker.
  [[nodiscard]] std::vector<AmqpAddress> node_addresses() const;
  /// Null for a broker of our own.
  [[nodiscard]] AttachedPart* attached() { return attached_.get(); }
  /// Producers, consumers, readers; the position is the index in record frames.
  [[nodiscard]] const std::vector<std::unique_ptr<WorkerPart>>& workers() const { return workers_; }
  [[nodiscard]] const model::Workload& workload() const { return workload_; }
  [[nodiscard]] const model::Topology& topology() const { return topology_; }

  /// Makes the workspace, starts the broker and waits until it is ready, all of its nodes; or borrows the vhost of an
  /// attached one. Errors: as of Part::ready().
  asio::awaitable<Result<Proof>> start_broker();
  /// The nodes beyond the first; empty where there is no cluster.
  [[nodiscard]] const std::vector<std::unique_ptr<BrokerPart>>& further_nodes() const { return further_nodes_; }
  /// Starts all workers but those of last resort against the broker; their load begins at once. `seed` is the run's.
  /// Errors: lost, usage.
  asio::awaitable<Result<void>> start_workers(std::uint64_t seed);
  /// The scenario's clock has begun: profiles of the load count from here.
  void experiment_began(std::int64_t at_ns);

  /// Ends every part of ours and all they left behind (an attached broker is given back after that), hands the broker's
  /// logs to `keep`, removes the workspace. Sets stopping(), so that whoever waits for a part gives up. Returns what
  /// went wrong. Safe to repeat.
  asio::awaitable<std::vector<std::string>> end_all(std::function<void(const KeptLog&)> keep);
  [[nodiscard]] bool stopping() const { return stopping_; }

 private:
  explicit RunParts(UndoJournal& journal) : journal_(journal) {}

  Result<void> declare_nodes(const model::Broker& broker, const Network& network);
  asio::awaitable<Result<Proof>> start_cluster(const BrokerSecrets& secrets);
  asio::awaitable<Result<void>> prepare_queues(std::uint64_t seed);
  void connect(WorkerPart& worker, std::uint64_t seed);

  UndoJournal& journal_;
  std::vector<Peer> peers_;
  std::vector<const NetworkHost*> node_hosts_;  ///< Of a cluster, the first node's first.
  const NetworkHost* broker_host_ = nullptr;
  model::Workload workload_;
  model::Topology topology_;
  std::filesystem::path log_;
  bool stopping_ = false;
  std::filesystem::path folder_;
  Workspace workspace_;
  std::optional<std::int64_t> workspace_record_;
  std::unique_ptr<BrokerPart> broker_;  ///< Null where there is an attached one, or none.
  std::vector<std::unique_ptr<BrokerPart>> further_nodes_;
  std::unique_ptr<AttachedPart> attached_;  ///< Null where there is a broker of our own, or none.
  EffectsTable effects_;                    ///< What handlers noted; of no use where they note nothing.
  std::vector<std::unique_ptr<WorkerPart>> workers_;
};

}  // namespace troop::agents
