// network.corrupt: a bad cable, or a bad switch.
#pragma once

#include "scenarios/model/network_parameters.hpp"

namespace troop::model {

inline FaultSpec network_corrupt() {
  return {
      .name = "network.corrupt",
      .summary =
          "one bit is wrong in a share of the packets from the peers, or of those to them, each chosen by chance",
      .targets = {"host"},
      .period = FaultSpec::Period::required,
      .back_end = alteration_back_end,
      .proof =
          "packets were changed, and counted; out: they left through a netem that, as the kernel says, spoils each",
      .undo = alteration_undo,
      .irreversible = {},
      .client_sees = {"checksum wrong: the packets are lost, for the kernel drops them, and TCP sends again",
                      "checksum right: what nobody sent; AMQP then ends the connection, or carries a wrong message"},
      .parameters = with_network_selectors(
          {percent_of_packets(),
           {.name = "checksum",
            .type = ParameterType::choice,
            .what = "of TCP or UDP: wrong, as after a bad cable; right: made to fit "
                    "again, as after a bad switch, and a program sees it, which only `direction` in can",
            .fallback = "wrong",
            .choices = {"wrong", "right"}},
           where_altered()},
          true),
  };
}

}  // namespace troop::model
