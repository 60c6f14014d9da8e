// The parts of one run on this host: a managed broker and the workers, with their journal records.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "agents/daemon/attached_part.hpp"
#include "agents/daemon/kept_log.hpp"
#include "agents/daemon/worker_part.hpp"
#include "agents/host/namespaces.hpp"
#include "agents/host/workspace.hpp"
#include "agents/part.hpp"
#include "agents/rabbitmq/broker.hpp"
#include "agents/undo_journal.hpp"
#include "agents/workers/effects_table.hpp"
#include "scenarios/model/topology.hpp"

namespace troop::agents {

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
