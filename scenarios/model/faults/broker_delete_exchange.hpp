// broker.delete_exchange: an exchange is deleted with its bindings.
#pragma once

#include "scenarios/model/catalogue.hpp"

namespace troop::model {

inline FaultSpec broker_delete_exchange() {
  return {
      .name = "broker.delete_exchange",
      .summary = "an exchange is deleted with its bindings, and declared and bound again as it was",
      .targets = {"broker"},
      .period = FaultSpec::Period::optional,
      .back_end = "rabbit_exchange:delete() on the broker's Erlang node",
      .proof = "the broker deleted it",
      .undo = "declared and bound as it was read before, unless a client was first; proven by reading it again",
      .irreversible = {"what was published to it meanwhile is lost", "publishers' channels are closed",
                       "publishers that declare where they publish bring it back at once, without bindings of others"},
      .client_sees = {"publishers: channel.close 404 NOT_FOUND"},
      .undo_max = std::chrono::seconds{60},
      .parameters = {{.name = "exchange", .what = "the exchange; without it the workload's"}},
  };
}

}  // namespace troop::model
