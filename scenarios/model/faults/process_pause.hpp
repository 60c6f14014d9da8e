// process.pause: a worker hangs, as under a long collection, a full disk or a starved host.
#pragma once

#include "scenarios/model/catalogue.hpp"

namespace troop::model {

inline FaultSpec process_pause() {
  return {
      .name = "process.pause",
      .summary = "a producer or consumer hangs (SIGSTOP) with its connection open, then goes on (SIGCONT)",
      .targets = {"producer", "consumer"},
      .period = FaultSpec::Period::required,
      .back_end = "SIGSTOP to the worker's pinned process (pidfd)",
      .proof = "the process is in state T in /proc",
      .undo = "SIGCONT; proven when the process is no longer in state T",
      .irreversible = {"the broker closes its connection if its heartbeat runs out meanwhile"},
      .client_sees = {"the other workers see nothing; what a paused consumer holds is not delivered to them"},
      .undo_max = std::chrono::seconds{2},
  };
}

}  // namespace troop::model
