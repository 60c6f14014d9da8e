// broker.pause: the broker hangs: connections stay open and nothing answers.
#pragma once

#include "scenarios/model/catalogue.hpp"

namespace troop::model {

inline FaultSpec broker_pause() {
  return {
      .name = "broker.pause",
      .summary = "the broker hangs (SIGSTOP): connections stay open, nothing answers; then it goes on (SIGCONT)",
      .targets = {"broker"},
      .period = FaultSpec::Period::required,
      .back_end = "SIGSTOP to the broker's pinned process, beam.smp (pidfd)",
      .proof = "the process is in state T in /proc and the AMQP header gets no answer",
      .undo = "SIGCONT; proven when the port answers the AMQP header",
      .irreversible = {"connections whose heartbeat ran out meanwhile are closed",
                       "publishes that timed out meanwhile are duplicated by their resend"},
      .client_sees = {"a gap in confirms and deliveries; connections stay open"},
      .undo_max = std::chrono::seconds{10},
      .on_each_node = true,
  };
}

}  // namespace troop::model
