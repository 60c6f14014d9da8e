// process.kill: a worker ends by a signal and is started again under its name; or processes of a host end.
#pragma once

#include "scenarios/model/process_parameters.hpp"

namespace troop::model {

inline FaultSpec process_kill() {
  return {
      .name = "process.kill",
      .summary =
          "a producer or consumer is ended by a signal and started again under its name; or processes of a host get "
          "the signal",
      .targets = {"producer", "consumer", "host", "local"},
      .period = FaultSpec::Period::optional,
      .back_end = "the signal to each pinned process (pidfd)",
      .proof = "the process is gone; on a host also: it handled SIGHUP, SIGUSR1 or SIGUSR2",
      .undo =
          "the agent starts a worker again under its name; proven when it is connected. Others' processes are theirs "
          "to start again",
      .irreversible = {"the worker's connection is closed",
                       "what a killed producer had not seen confirmed stays unknown",
                       "what a killed consumer had not acknowledged is delivered again; with ack = \"none\" it is lost",
                       "a process of a host stays gone, unless whoever runs it starts it again"},
      .client_sees = {"the other workers see nothing; a killed consumer's unacknowledged messages come to them"},
      .undo_max = std::chrono::seconds{15},
      .parameters = with_process_selectors(
          {{.name = "signal",
            .type = ParameterType::choice,
            .what = "any that ends a process which does not handle it",
            .fallback = "SIGKILL",
            .choices = {"SIGKILL", "SIGTERM", "SIGINT",  "SIGQUIT", "SIGABRT", "SIGSEGV",   "SIGHUP",   "SIGUSR1",
                        "SIGUSR2", "SIGPIPE", "SIGALRM", "SIGBUS",  "SIGFPE",  "SIGILL",    "SIGTRAP",  "SIGSYS",
                        "SIGXCPU", "SIGXFSZ", "SIGPROF", "SIGPOLL", "SIGPWR",  "SIGSTKFLT", "SIGVTALRM"}}}),
  };
}

}  // namespace troop::model
