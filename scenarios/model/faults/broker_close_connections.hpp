// broker.close_connections: the broker ends connections, as an administrator or a node in maintenance does.
#pragma once

#include "scenarios/model/catalogue.hpp"

namespace troop::model {

inline FaultSpec broker_close_connections() {
  return {
      .name = "broker.close_connections",
      .summary = "the broker closes the connections of all its clients, or of one worker",
      .targets = {"broker", "producer", "consumer"},
      .period = FaultSpec::Period::optional,
      .back_end =
          "rabbit_networking:close_connection() on the broker's Erlang node; a worker's connection is known by its "
          "name",
      .proof = "the broker's processes of those connections are gone",
      .undo = "nothing: clients connect again by themselves; proven when the target works",
      .irreversible = {"the connections are closed",
                       "unconfirmed publishes are unknown, and duplicated by a resend where they were stored",
                       "unacknowledged deliveries are delivered again"},
      .client_sees = {"connection.close 320 CONNECTION_FORCED"},
      .undo_max = std::chrono::seconds{60},
  };
}

}  // namespace troop::model
