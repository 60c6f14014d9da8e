// What a workload declares at the broker, spelled out: every worker declares the same, the run's history says it, and
// the drain reads every queue of it to its end.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "scenarios/model/scenario.hpp"

namespace troop::model {

struct ExchangeDeclaration {
  std::string name;
  std::string_view type;  ///< "direct", "fanout", "topic".
  bool durable = true;
  std::string_view key = {};  ///< The key of the scenario that it comes from.
  bool delays = false;        ///< It holds each message for its header `x-delay` first: the delayed-message plugin.
};

/// An optional argument of queue.declare, such as x-max-length.
struct QueueArgument {
  std::string_view name;
  std::variant<std::int64_t, bool, std::string> value;
};

struct QueueDeclaration {
  std::string name;
  Queue::Type type = Queue::Type::classic;
  bool durable = true;
  std::vector<QueueArgument> arguments;
  enum class Use {
    work,   ///< Consumers work on it.
    sink,   ///< A reader empties it: dead letters, or what consumers gave up.
    delay,  ///< Nobody reads it: its messages expire into a work queue.
  };
  Use use = Use::work;
  std::string_view key = "workload.queue.name";  ///< The key of the scenario that it comes from.
};

struct BindingDeclaration {
  std::string exchange;
  std::string queue;
  std::string routing_key;
  std::string ends_in = {};  ///< The queue that the messages get to in the end; empty: this one.
  bool operator==(const BindingDeclaration&) const = default;
};

/// Where the producers send a message.
struct Destination {
  std::string exchange;
  std::string routing_key;
  std::optional<Duration> delay = {};  ///< Said in its header `x-delay`.
};

struct Topology {
  std::vector<ExchangeDeclaration> exchanges;
  std::vector<QueueDeclaration> queues;  ///< Those of each use together, in the order of QueueDeclaration::Use.
  std::vector<BindingDeclaration> bindings;
  std::vector<Destination> destinations =
      std::vector<Destination>(1);  ///< A producer's messages take turns, in the order of their numbers.
  [[nodiscard]] std::size_t count(QueueDeclaration::Use use) const;
  /// Of a producer's message number `seq`.
  [[nodiscard]] const Destination& destination(std::uint64_t seq) const {
    return destinations[static_cast<std::size_t>(seq % destinations.size())];
  }
};

inline constexpr std::string_view delay_plugin = "rabbitmq_delayed_message_exchange";

/// Argument names and values as RabbitMQ 3.10 documents them (queues, maxlength, ttl, dlx and quorum-queues pages).
Topology topology_of(const Workload& workload);

/// The queue that a consumer works on: they take turns over the copies.
std::size_t queue_of_consumer(const Workload& workload, std::int64_t number);

}  // namespace troop::model
