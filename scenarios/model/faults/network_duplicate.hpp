// network.duplicate: a path that delivers twice.
#pragma once

#include "scenarios/model/network_parameters.hpp"

namespace troop::model {

inline FaultSpec network_duplicate() {
  return {
      .name = "network.duplicate",
      .summary =
          "a share of the packets from the peers arrives twice, or of those to them leaves twice, each chosen by "
          "chance",
      .targets = {"host"},
      .period = FaultSpec::Period::required,
      .back_end = alteration_back_end,
      .proof = "packets were sent to this host once more, and counted; out: netem was given some, and more left it",
      .undo = alteration_undo,
      .irreversible = {},
      .client_sees = {"TCP: nothing but a little more traffic; UDP: the datagram twice"},
      .parameters = with_network_selectors({percent_of_packets(), where_altered()}, true),
  };
}

}  // namespace troop::model
