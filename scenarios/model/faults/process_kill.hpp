// process.kill: a worker ends by a signal and is started again under its name.
#pragma once

#include "scenarios/model/catalogue.hpp"

namespace troop::model {

inline FaultSpec process_kill() {
  return {
      .name = "process.kill",
      .summary = "a producer or consumer is ended by a signal and started again under its name",
      .targets = {"producer", "consumer"},
      .period = FaultSpec::Period::optional,
      .back_end = "the signal to the worker's pinned process (pidfd)",
      .proof = "the process is gone",
      .undo = "the agent starts the worker again under its name; proven when it is connected",
      .irreversible =
          {"the worker's connection is closed", "what a killed producer had not seen confirmed stays unknown",
           "what a killed consumer had not acknowledged is delivered again; with ack = \"none\" it is lost"},
      .client_sees = {"the other workers see nothing; a killed consumer's unacknowledged messages come to them"},
      .undo_max = std::chrono::seconds{15},
      .parameters = {{.name = "signal",
                      .type = ParameterType::choice,
                      .what = "the signal that ends it",
                      .fallback = "SIGKILL",
                      .choices = {"SIGKILL", "SIGTERM", "SIGINT", "SIGQUIT", "SIGABRT", "SIGSEGV"}}},
  };
}

}  // namespace troop::model
