// What the `run` start of a history says about the run, as far as judging needs it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reports/history/event.hpp"

namespace troop::invariants {

struct Binding {
  std::string exchange;
  std::string queue;
  std::string routing_key;
  bool has_routing_key = false;
};

struct Exchange {
  std::string name;
  std::string type;  ///< "direct", "fanout", "topic", "headers".
};

struct PlannedFault {
  std::string name;
  std::string target;
};

struct RunInfo {
  bool started = false;
  bool stopped = false;
  std::string stop_reason;  ///< "completed", or why it ended early; empty: not said.
  bool has_topology = false;
  std::vector<Exchange> exchanges;
  std::vector<Binding> bindings;
  std::vector<PlannedFault> steps;    ///< The faults that were planned.
  bool consumers_acknowledge = true;  ///< False: consumer ack "none".
  bool consumers_record_effects = false;
  bool acks_announced = false;  ///< It says that consumers acknowledge, so that their acks must be there.
  bool unreadable = false;      ///< It does not say in a form that we know what was planned.
  std::string scenario;

  /// Takes in a `run` event; parts in a shape that we do not know are left out.
  void observe(const history::Event& event);
  /// The queues a message goes to; nothing where the topology does not tell.
  [[nodiscard]] std::optional<std::vector<std::string>> route(std::string_view exchange,
                                                              std::string_view routing_key) const;
};

/// Whether an AMQP topic pattern ("order.*", "order.#") takes a routing key.
bool topic_matches(std::string_view pattern, std::string_view key);

}  // namespace troop::invariants
