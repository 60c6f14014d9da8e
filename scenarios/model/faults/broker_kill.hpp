// broker.kill: a crash of the broker process. The page cache survives, so this does not test fsync or power loss.
#pragma once

#include "scenarios/model/catalogue.hpp"

namespace troop::model {

inline FaultSpec broker_kill() {
  return {
      .name = "broker.kill",
      .summary = "the broker is killed (SIGKILL), stays down, and is started again",
      .targets = {"broker"},
      .period = FaultSpec::Period::required,
      .back_end = "SIGKILL to the broker's pinned process, beam.smp (pidfd)",
      .proof = "the process is gone and the AMQP port refuses connections",
      .undo = "the same start command on the same data; proven when the port answers the AMQP header",
      .irreversible = {"open connections are cut",
                       "unconfirmed publishes may be lost, or stored all the same and duplicated by a resend",
                       "unacknowledged deliveries are delivered again",
                       "non-durable queues are gone; transient messages are gone, though not always all of them"},
      .client_sees = {"its connection is reset within a tenth of a second",
                      "new connections are refused until the broker is back"},
      .undo_max = std::chrono::seconds{60},
      .on_each_node = true,
  };
}

}  // namespace troop::model
