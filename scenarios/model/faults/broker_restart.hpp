// broker.restart: an orderly stop and at once a start. Down for as long as the broker needs to boot.
#pragma once

#include "scenarios/model/catalogue.hpp"

namespace troop::model {

inline FaultSpec broker_restart() {
  return {
      .name = "broker.restart",
      .summary = "the broker is stopped in order (SIGTERM) and started again at once",
      .targets = {"broker"},
      .period = FaultSpec::Period::none,
      .back_end = "SIGTERM to the broker's pinned process (pidfd)",
      .proof = "the process is gone and the AMQP port refuses connections",
      .undo = "the same start command on the same data; proven when the port answers the AMQP header",
      .irreversible = {"open connections are closed",
                       "unconfirmed publishes may be lost, or stored all the same and duplicated by a resend",
                       "unacknowledged deliveries are delivered again",
                       "non-durable queues and transient messages are gone"},
      .client_sees = {"connection.close 320 CONNECTION_FORCED", "new connections are refused until the broker is back"},
      .undo_max = std::chrono::seconds{60},
      .on_each_node = true,
  };
}

}  // namespace troop::model
