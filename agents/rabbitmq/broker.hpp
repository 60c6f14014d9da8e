// A private RabbitMQ as an ordinary child process: its own folder, ports, cookie, epmd and password; nothing global.
//
// The environment follows RabbitMQ's "configure" and "relocate" guides (3.10). RUNNING_UNDER_SYSTEMD makes the start
// script exec, so that the child is the broker itself (beam.smp) and dies with the agent. epmd is started beforehand as
// a child too: one that RabbitMQ starts would be a daemon that outlives everybody.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <filesystem>
#include <memory>
#include <string>

#include "agents/host/process.hpp"
#include "agents/rabbitmq/client.hpp"
#include "agents/rabbitmq/control.hpp"
#include "common/error.hpp"
#include "scenarios/model/scenario.hpp"

namespace troop::agents {

class ManagedBroker {
 public:
  /// Whether this host could run it: binary, epmd, the port. Reads only. Errors: usage, saying what to do.
  static Result<void> check(const model::Broker& wanted);

  /// `folder` exists and is private; `stopping` ends all waiting when it becomes true. `listen_on`: an address of this
  /// host besides loopback; empty: none.
  ManagedBroker(model::Broker wanted, std::filesystem::path folder, const bool& stopping, std::string listen_on = {});

  /// Chooses ports and password and writes the configuration. Blocking, milliseconds.
  Result<void> configure();
  /// Starts epmd, then the broker; a second call starts the broker again on its old data. Does not wait for it.
  Result<void> spawn();
  /// Waits until it answers AMQP; starts it again if it ends meanwhile (a port taken for a moment), every second.
  /// Errors: unrestored, with the end of its log, when `start_timeout` has passed; cancelled.
  asio::awaitable<Result<void>> ready();

  [[nodiscard]] const AmqpAddress& address() const { return address_; }
  [[nodiscard]] Process& process() { return process_; }
  [[nodiscard]] Process& epmd() { return epmd_; }
  [[nodiscard]] std::filesystem::path log() const { return folder_ / "out"; }
  /// What can be done to it beyond AMQP, while its process runs; nullptr before configure().
  [[nodiscard]] BrokerControl* control() { return control_.get(); }

 private:
  [[nodiscard]] std::string log_tail() const;

  model::Broker wanted_;
  std::filesystem::path folder_;
  const bool& stopping_;
  std::string listen_on_;
  AmqpAddress address_;
  std::uint16_t distribution_port_ = 0;
  std::uint16_t epmd_port_ = 0;
  Process epmd_;
  Process process_;
  std::unique_ptr<BrokerControl> control_;
};

}  // namespace troop::agents
