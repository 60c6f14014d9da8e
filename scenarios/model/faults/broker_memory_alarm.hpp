// broker.memory_alarm: the broker believes that it is short of memory.
#pragma once

#include "scenarios/model/catalogue.hpp"

namespace troop::model {

inline FaultSpec broker_memory_alarm() {
  return {
      .name = "broker.memory_alarm",
      .summary = "the broker's memory alarm is raised: it blocks whoever publishes",
      .targets = {"broker"},
      .period = FaultSpec::Period::required,
      .back_end = "the memory limit is set to 1 MB on the broker's Erlang node",
      .proof = "the broker lists the memory alarm",
      .undo = "the limit that was read before; proven when it is in force and the alarm is not listed",
      .irreversible = {"publishes that timed out meanwhile are duplicated by their resend"},
      .client_sees = {"connection.blocked on connections that publish; no confirms",
                      "consumers go on and empty the queue", "connection.unblocked at the end"},
      .undo_max = std::chrono::seconds{60},
  };
}

}  // namespace troop::model
