// The broker of a run as a part, where others run it: looked at, borrowed, given back. What is owed is in the journal
// while it is owed, as references: a record never holds a password.
#pragma once

#include <memory>
#include <optional>

#include "agents/host/tcp.hpp"
#include "agents/part.hpp"
#include "agents/protocol/messages.hpp"
#include "agents/rabbitmq/attached_broker.hpp"
#include "agents/rabbitmq/server_control.hpp"
#include "agents/undo_journal.hpp"

namespace troop::agents {

class AttachedPart : public Part, private Outsider {
 public:
  /// `mark`: any text that no other run has. Errors: usage.
  static Result<std::unique_ptr<AttachedPart>> create(const model::Broker& wanted, const model::WorkloadNames& names,
                                                      const bool& stopping, std::string mark);
  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] std::string_view kind() const override { return "broker"; }
  [[nodiscard]] Process& process() override { return no_process_; }
  [[nodiscard]] Outsider* outsider() override { return this; }
  /// Others start it; bring_back() asks them to.
  Result<void> start() override { return success(); }
  asio::awaitable<Result<Proof>> ready() override;

  /// Whether the run may use it. Reads only. Errors: usage.
  asio::awaitable<Result<void>> check();
  /// Whether what the step needs is at hand to stop and start the broker. Reads only. Errors: usage.
  asio::awaitable<Result<void>> check_step(const protocol::StepOrder& order);
  /// Looks once more, and makes the vhost where the run is to have one of its own. Errors: those of check(), lost.
  asio::awaitable<Result<void>> open(UndoJournal& journal);
  /// Connections of this run's workers are those that faults may close.
  void workers_start(std::uint64_t seed, std::vector<std::string> names) {
    broker_->control().own_connections_of(run_mark(seed), std::move(names));
  }
  /// Deletes what the run declared, once open() has been called. Errors: unrestored; the record then stays.
  asio::awaitable<Result<void>> end();
  [[nodiscard]] AttachedBroker& broker() { return *broker_; }

  /// For the journal, in the place of a fault's own record: what undo needs where the broker outlives the agent.
  [[nodiscard]] UndoRecord fault_record(const protocol::StepOrder& order, const WorkloadRoute& route,
                                        const UndoRecord& seen) const;

 private:
  AttachedPart(const model::Broker& wanted, const model::WorkloadNames& names, std::string mark);
  asio::awaitable<Result<void>> act(ServerControl::Action action);
  /// Waits until the broker's port answers so. Errors: timeout.
  asio::awaitable<Result<Proof>> answers(AmqpAnswer wanted, Duration timeout, std::string what);
  asio::awaitable<Result<Proof>> take_down(int signal_number) override;
  asio::awaitable<Result<Proof>> pause() override;
  asio::awaitable<Result<Proof>> go_on() override;
  asio::awaitable<Result<Proof>> bring_back() override;

  std::string name_ = "broker";
  Process no_process_;
  model::Broker wanted_;
  model::WorkloadNames names_;
  std::string mark_;
  std::unique_ptr<AttachedBroker> broker_;
  std::unique_ptr<ServerControl> server_;  ///< Null where nothing can stop it.
  UndoJournal* journal_ = nullptr;         ///< From open() on.
  std::optional<std::int64_t> record_;
};

/// Pays a record that an AttachedPart wrote and its agent did not live to settle; nothing where it is another's.
/// Blocking: as long as the broker needs to start, at worst.
std::optional<Result<void>> pay_for_attached(const UndoRecord& record);

}  // namespace troop::agents
