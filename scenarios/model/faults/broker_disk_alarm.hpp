// broker.disk_alarm: the broker believes that the disk is nearly full. No disk is filled.
#pragma once

#include "scenarios/model/catalogue.hpp"

namespace troop::model {

inline FaultSpec broker_disk_alarm() {
  return {
      .name = "broker.disk_alarm",
      .summary = "the broker's disk alarm is raised: it blocks whoever publishes",
      .targets = {"broker"},
      .period = FaultSpec::Period::required,
      .back_end = "the limit of free disk is set to 1 EiB on the broker's Erlang node; no disk is filled",
      .proof = "the broker lists the disk alarm",
      .undo = "the limit that was read before; proven when it is in force and the alarm is not listed",
      .irreversible = {"publishes that timed out meanwhile are duplicated by their resend"},
      .client_sees = {"connection.blocked on connections that publish; no confirms",
                      "consumers go on and empty the queue", "connection.unblocked at the end"},
      .undo_max = std::chrono::seconds{60},
  };
}

}  // namespace troop::model
