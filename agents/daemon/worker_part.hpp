// A producer, consumer or reader of a run: a process that this agent starts, and starts again under its name.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "agents/host/fake_clock.hpp"
#include "agents/host/namespaces.hpp"
#include "agents/host/private_mounts.hpp"
#include "agents/part.hpp"
#include "agents/rabbitmq/client.hpp"
#include "agents/undo_journal.hpp"
#include "agents/workers/config.hpp"
#include "agents/workers/ring.hpp"

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

/// Where a worker connects.
void aim(WorkerConfig& config, const AmqpAddress& broker, std::uint64_t seed);

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
  Result<void> let_clock_be_set() override;
  Result<void> set_clock(Duration offset) override;
  asio::awaitable<Result<ClockOffset>> clock() override;
  Result<void> start() override;
  asio::awaitable<Result<Proof>> ready() override;
  asio::awaitable<Result<void>> end();
  /// It speaks TLS to the broker, and so looks at the time whenever it connects.
  bool checks_certificates = false;
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
  std::optional<FakeClock> fake_clock_;  ///< Where its wall clock can be set. It keeps its time over restarts.
  PrivateMounts mounts_;                 ///< Then.
  int netns_ = -1;
  bool started_before_ = false;
};

}  // namespace troop::agents
