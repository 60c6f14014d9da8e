// process.crash_loop: a program that its supervisor starts again and again, and that dies each time.
#pragma once

#include "scenarios/model/process_parameters.hpp"

namespace troop::model {

inline FaultSpec process_crash_loop() {
  return {
      .name = "process.crash_loop",
      .summary = "processes of a host are killed, and killed again as often as whoever runs them starts them again",
      .targets = {"host", "local"},
      .period = FaultSpec::Period::required,
      .back_end = "SIGKILL to each pinned process (pidfd), looked for ten times a second",
      .proof = "the process is gone; how often it came back and was killed is counted",
      .undo = "what comes back is left alone; told is whether it came back within five seconds",
      .irreversible = {"whoever runs the program may have given up on it", "what the program had in memory is lost"},
      .client_sees = {"a service that is there for moments only"},
      .undo_max = std::chrono::seconds{10},
      .parameters = with_process_selectors(),
  };
}

}  // namespace troop::model
