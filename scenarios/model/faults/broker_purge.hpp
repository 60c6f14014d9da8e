// broker.purge: messages that wait in a queue are thrown away.
#pragma once

#include "scenarios/model/catalogue.hpp"

namespace troop::model {

inline FaultSpec broker_purge() {
  return {
      .name = "broker.purge",
      .summary = "all messages that wait in a queue are thrown away",
      .targets = {"broker"},
      .period = FaultSpec::Period::optional,
      .back_end = "rabbit_amqqueue:purge() on the broker's Erlang node",
      .proof = "the broker counts what it threw away, and it was not nothing",
      .undo = "nothing brings the messages back; proven when the broker answers",
      .irreversible = {"the messages that were ready are gone, confirmed or not"},
      .client_sees = {"nothing at all; confirms go on"},
      .undo_max = std::chrono::seconds{60},
      .parameters = {{.name = "queue", .what = "the queue; without it the workload's"}},
  };
}

}  // namespace troop::model
