// broker.suspend_listeners: nobody new gets in, as in maintenance mode.
#pragma once

#include "scenarios/model/catalogue.hpp"

namespace troop::model {

inline FaultSpec broker_suspend_listeners() {
  return {
      .name = "broker.suspend_listeners",
      .summary = "the broker accepts no new connections; open ones go on",
      .targets = {"broker"},
      .period = FaultSpec::Period::required,
      .back_end = "rabbit_maintenance:suspend_all_client_listeners() on the broker's Erlang node",
      .proof = "the AMQP port refuses connections while the broker's process runs",
      .undo = "the listeners are resumed; proven when the port answers the AMQP header",
      .irreversible = {},
      .client_sees = {"new connections are refused", "open connections go on as if nothing had happened"},
      .undo_max = std::chrono::seconds{60},
  };
}

}  // namespace troop::model
