// broker.stop_app: the broker stops within its process; quicker than a restart.
#pragma once

#include "scenarios/model/catalogue.hpp"

namespace troop::model {

inline FaultSpec broker_stop_app() {
  return {
      .name = "broker.stop_app",
      .summary = "the broker stops within its process, stays so, and is started again; the process goes on",
      .targets = {"broker"},
      .period = FaultSpec::Period::required,
      .back_end = "rabbit:stop() on the broker's Erlang node, as `rabbitmqctl stop_app`",
      .proof = "the broker says that it does not run, and the AMQP port refuses connections",
      .undo = "rabbit:start(); proven when the port answers the AMQP header",
      .irreversible = {"open connections are closed",
                       "unconfirmed publishes may be lost, or stored all the same and duplicated by a resend",
                       "unacknowledged deliveries are delivered again",
                       "non-durable queues and transient messages are gone"},
      .client_sees = {"connection.close 320 CONNECTION_FORCED", "new connections are refused until it is back"},
      .undo_max = std::chrono::seconds{60},
  };
}

}  // namespace troop::model
