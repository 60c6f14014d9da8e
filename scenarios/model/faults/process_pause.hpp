// process.pause: a process hangs, as under a long collection, a full disk or a starved host.
#pragma once

#include "scenarios/model/process_parameters.hpp"

namespace troop::model {

inline FaultSpec process_pause() {
  return {
      .name = "process.pause",
      .summary =
          "a producer or consumer, or processes of a host, hang (SIGSTOP) with their connections open, then go on "
          "(SIGCONT)",
      .targets = {"producer", "consumer", "host", "local"},
      .period = FaultSpec::Period::required,
      .back_end = "SIGSTOP to each pinned process (pidfd)",
      .proof = "the process is in state T in /proc",
      .undo = "SIGCONT; proven when the process is no longer in state T",
      .irreversible = {"a paused worker's broker closes its connection if its heartbeat runs out meanwhile",
                       "whoever watches a process of a host may end it because it hangs"},
      .client_sees = {"the other workers see nothing; what a paused consumer holds is not delivered to them"},
      .undo_max = std::chrono::seconds{2},
      .parameters = with_process_selectors(),
      .outlives_agent = true,
  };
}

}  // namespace troop::model
