// Steering a broker besides talking AMQP to it: what an administrator can see and do. Free of how it is done.
//
// Definitions are JSON objects in the words of RabbitMQ's management API, so that they can be written down before a
// change and handed back unchanged after it:
//
//   queue      name, durable, auto_delete, exclusive, arguments, bindings; and as seen now: messages (ready),
//              policy (name or null), effective_policy (its definition)
//   exchange   name, type, durable, auto_delete, internal, arguments, bindings (those that leave it and those to it);
//              and as seen now, of the delayed-message plugin's: messages_delayed
//   binding    source, destination, destination_type, routing_key, arguments
//   policy     name, pattern, apply_to, priority, definition
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/json.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/error.hpp"

namespace troop::agents {

/// Limits at which a broker blocks its publishers, and whether it does.
struct BrokerLimits {
  boost::json::value memory;   ///< As read; give it back unchanged. A number up to 1 is a share of the host's memory.
  std::int64_t disk_free = 0;  ///< Bytes that must stay free.
  bool memory_alarm = false;
  bool disk_alarm = false;
};

/// What was closed: names that clients gave their connections (empty where one gave none), and how many outlived it.
struct ClosedByBroker {
  std::vector<std::string> clients;
  std::int64_t left = 0;
};

/// Every call is bounded (half a minute at most) and never blocks the thread. Errors, where not told otherwise: lost
/// (the broker does not answer, or could not do it), cancelled (the run is being ended).
class BrokerControl {
 public:
  template <class T>
  using Answer = boost::asio::awaitable<Result<T>>;
  using Definition = boost::json::object;

  virtual ~BrokerControl() = default;

  virtual Answer<BrokerLimits> limits() = 0;
  /// Bytes, or a value that limits() read. Waits until the memory alarm is as `alarm` says, ten seconds at most, and
  /// returns what is in force then.
  virtual Answer<BrokerLimits> set_memory_limit(boost::json::value limit, bool alarm) = 0;
  virtual Answer<BrokerLimits> set_disk_limit(std::int64_t bytes, bool alarm) = 0;

  /// Of the client that gave its connection this name; of all clients where it is empty. Clients are told `reason`.
  virtual Answer<ClosedByBroker> close_connections(std::string client, std::string reason) = 0;
  /// The broker raises a channel error (406) on each channel.
  virtual Answer<ClosedByBroker> close_channels(std::string client) = 0;

  /// Nothing where there is no such queue.
  virtual Answer<std::optional<Definition>> queue(std::string name) = 0;
  /// With its messages. How many were ready, or nothing where there was no such queue.
  virtual Answer<std::optional<std::int64_t>> delete_queue(std::string name) = 0;
  /// Ready messages that are gone, or nothing where there is no such queue.
  virtual Answer<std::optional<std::int64_t>> purge_queue(std::string name) = 0;
  /// Declares it and its bindings where they are missing; leaves what exists as it is.
  virtual Answer<void> declare_queue(Definition definition) = 0;

  virtual Answer<std::optional<Definition>> exchange(std::string name) = 0;
  /// False where there was none.
  virtual Answer<bool> delete_exchange(std::string name) = 0;
  virtual Answer<void> declare_exchange(Definition definition) = 0;

  virtual Answer<void> bind(Definition binding) = 0;
  virtual Answer<void> unbind(Definition binding) = 0;

  virtual Answer<std::optional<Definition>> policy(std::string name) = 0;
  virtual Answer<void> set_policy(Definition definition) = 0;
  virtual Answer<void> delete_policy(std::string name) = 0;

  /// Whether a new client gets an answer now. Asked on its own port, not of the broker.
  virtual Answer<bool> accepts_clients() = 0;
  /// No new connections; those that are open go on.
  virtual Answer<void> suspend_listeners() = 0;
  virtual Answer<void> resume_listeners() = 0;
  /// The broker within its process: all connections are closed, nothing listens, the process stays.
  virtual Answer<void> stop_application() = 0;
  virtual Answer<void> start_application() = 0;
};

}  // namespace troop::agents
