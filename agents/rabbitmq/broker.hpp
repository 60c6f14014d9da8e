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

#include "agents/host/private_mounts.hpp"
#include "agents/host/process.hpp"
#include "agents/rabbitmq/client.hpp"
#include "agents/rabbitmq/control.hpp"
#include "agents/rabbitmq/erlang_node.hpp"
#include "common/error.hpp"
#include "scenarios/model/scenario.hpp"

namespace troop::agents {

/// What the nodes of one broker have in common.
struct BrokerSecrets {
  std::uint16_t port = 0, distribution_port = 0, epmd_port = 0;
  std::string password;  ///< Of the user "troop"; never printed.
  std::string cookie;    ///< Erlang's; never printed.
};
/// Free ports of this host, and fresh secrets. Errors: usage.
Result<BrokerSecrets> fresh_secrets(const model::Broker& wanted);

/// A node's place among the others. RabbitMQ's "cluster formation" and "net tick time" guides (3.10).
struct ClusterPlace {
  std::vector<std::string> addresses;  ///< Of all nodes, IPv4; empty: there is one node, on loopback.
  std::size_t index = 0;               ///< Its own.
  [[nodiscard]] bool in_cluster() const { return !addresses.empty(); }
};

class ManagedBroker {
 public:
  /// Whether this host could run it: binary, epmd, the port. Reads only. Errors: usage, saying what to do.
  static Result<void> check(const model::Broker& wanted);

  /// `folder` exists and is private once configure() is called; `stopping` ends all waiting when it becomes true.
  ManagedBroker(model::Broker wanted, std::filesystem::path folder, const bool& stopping)
      : wanted_(std::move(wanted)), folder_(std::move(folder)), stopping_(stopping) {}
  /// Of one broker alone, an address of its host besides loopback; before configure().
  void listen_on(std::string address) { listen_on_ = std::move(address); }
  /// Makes it a node of a cluster, in the network namespace `netns` (-1: ours); before configure().
  void join(ClusterPlace place, int netns);

  /// Writes the configuration. Blocking, milliseconds.
  Result<void> configure(const BrokerSecrets& secrets);
  /// The same with fresh ones. Errors: usage.
  Result<void> configure();
  /// Starts epmd, then the broker; a second call starts the broker again on its old data. Does not wait for it.
  Result<void> spawn();
  /// Waits until it answers AMQP; starts it again if it ends meanwhile (a port taken for a moment), every second.
  /// Errors: unrestored, with the end of its log, when `start_timeout` has passed; cancelled.
  asio::awaitable<Result<void>> ready() { return ready(monotonic_ns() + wanted_.start_timeout.count()); }
  /// The same, until then at the latest. Monotonic, ns.
  asio::awaitable<Result<void>> ready(std::int64_t deadline);

  /// How many nodes of its cluster run, as this one sees it. Errors: lost, timeout, cancelled.
  asio::awaitable<Result<std::int64_t>> running_nodes();

  /// From its next start on its wall clock can be set. Errors: usage, where libfaketime is missing.
  Result<void> let_clock_be_set();
  /// See fake_clock.hpp. Errors: usage.
  Result<void> set_clock(Duration offset);
  /// What time its system has, since 1970; to the millisecond. Errors: lost, timeout, cancelled.
  asio::awaitable<Result<Duration>> wall_clock();

  [[nodiscard]] const model::Broker& wanted() const { return wanted_; }
  [[nodiscard]] bool in_cluster() const { return place_.in_cluster(); }
  [[nodiscard]] const AmqpAddress& address() const { return address_; }
  [[nodiscard]] Process& process() { return process_; }
  [[nodiscard]] Process& epmd() { return epmd_; }
  /// Its data's own file system, once it was started; -1: it has none.
  [[nodiscard]] int disk() const { return wanted_.disk_mib > 0 ? mounts_.folder() : -1; }
  [[nodiscard]] std::filesystem::path log() const { return folder_ / "out"; }
  /// What can be done to it beyond AMQP, while its process runs; nullptr before configure().
  [[nodiscard]] BrokerControl* control() { return control_.get(); }

 private:
  [[nodiscard]] std::string log_tail() const;
  [[nodiscard]] ErlangNode node() const;
  [[nodiscard]] std::string configuration() const;

  model::Broker wanted_;
  std::filesystem::path folder_;
  const bool& stopping_;
  std::string listen_on_;
  ClusterPlace place_;
  int netns_ = -1;
  PrivateMounts mounts_;
  std::filesystem::path fake_clock_;  ///< Empty: its clock is this machine's.
  AmqpAddress address_;
  BrokerSecrets secrets_;
  Process epmd_;
  Process process_;
  std::unique_ptr<BrokerControl> control_;
};

}  // namespace troop::agents
