// broker.close_channel: a channel error, as after a client's mistake; the connection stays.
#pragma once

#include "scenarios/model/catalogue.hpp"

namespace troop::model {

inline FaultSpec broker_close_channel() {
  return {
      .name = "broker.close_channel",
      .summary = "the broker raises an error on the channels of all its clients, or of one worker",
      .targets = {"broker", "producer", "consumer"},
      .period = FaultSpec::Period::optional,
      .back_end = "an acknowledgement of an unknown delivery is put into the channel on the broker's Erlang node",
      .proof = "the broker's processes of those channels are gone",
      .undo = "nothing: clients open channels again by themselves; proven when the target works",
      .irreversible = {"the channels are closed",
                       "unconfirmed publishes are unknown, and duplicated by a resend where they were stored",
                       "unacknowledged deliveries are delivered again"},
      .client_sees = {"channel.close 406 PRECONDITION_FAILED, unknown delivery tag"},
      .undo_max = std::chrono::seconds{60},
  };
}

}  // namespace troop::model
