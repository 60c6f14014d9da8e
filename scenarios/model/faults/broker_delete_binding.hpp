// broker.delete_binding: an exchange no longer routes to a queue.
#pragma once

#include "scenarios/model/catalogue.hpp"

namespace troop::model {

inline FaultSpec broker_delete_binding() {
  return {
      .name = "broker.delete_binding",
      .summary = "a queue is unbound from an exchange, and bound again as it was",
      .targets = {"broker"},
      .period = FaultSpec::Period::optional,
      .back_end = "rabbit_binding:remove() on the broker's Erlang node",
      .proof = "the broker removed the binding, read before",
      .undo = "bound as it was read before; proven by reading it again",
      .irreversible = {"what was published meanwhile never reached the queue",
                       "clients that declare their topology bring the binding back when they connect"},
      .client_sees = {"publishers: basic.return 312 NO_ROUTE and a confirm, where mandatory; else a confirm only"},
      .undo_max = std::chrono::seconds{60},
      .parameters = {{.name = "exchange", .what = "the exchange; without it the workload's"},
                     {.name = "queue", .what = "the queue; without it the workload's"},
                     {.name = "routing_key",
                      .what = "the binding's routing key; without it all bindings between the two"}},
  };
}

}  // namespace troop::model
