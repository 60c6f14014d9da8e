// network.duplicate: a path that delivers twice.
#pragma once

#include "scenarios/model/network_parameters.hpp"

namespace troop::model {

inline FaultSpec network_duplicate() {
  return {
      .name = "network.duplicate",
      .summary = "a share of the packets that arrive from the peers arrives twice, each chosen by chance",
      .targets = {"host"},
      .period = FaultSpec::Period::required,
      .back_end = packet_queue_back_end,
      .proof = "packets were sent to this host once more, and counted",
      .undo = packet_queue_undo,
      .irreversible = {},
      .client_sees = {"TCP: nothing but a little more traffic; UDP: the datagram twice"},
      .parameters = with_network_selectors({percent_of_packets()}, true),
  };
}

}  // namespace troop::model
