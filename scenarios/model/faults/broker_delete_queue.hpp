// broker.delete_queue: a queue is deleted with its messages.
#pragma once

#include "scenarios/model/catalogue.hpp"

namespace troop::model {

inline FaultSpec broker_delete_queue() {
  return {
      .name = "broker.delete_queue",
      .summary = "a queue is deleted with its messages, and declared again as it was",
      .targets = {"broker"},
      .period = FaultSpec::Period::optional,
      .back_end = "rabbit_amqqueue:delete() on the broker's Erlang node",
      .proof = "the broker deleted it and says how many messages went with it",
      .undo =
          "declared as it was read before, with its bindings, unless a client was first; proven by reading it again",
      .irreversible = {"the messages in it are gone, confirmed or not",
                       "unacknowledged deliveries are not delivered again",
                       "consumers that declare what they consume from bring it back at once"},
      .client_sees = {"consumers: basic.cancel",
                      "publishers: basic.return 312 NO_ROUTE and a confirm, where mandatory; else a confirm only"},
      .undo_max = std::chrono::seconds{60},
      .parameters = {{.name = "queue", .what = "the queue; without it the workload's"}},
  };
}

}  // namespace troop::model
