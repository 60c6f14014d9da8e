// network.partition: a cable is cut, both ways or one way only.
#pragma once

#include "scenarios/model/network_parameters.hpp"

namespace troop::model {

inline FaultSpec network_partition() {
  return {
      .name = "network.partition",
      .summary =
          "packets between the host and its peers, or between groups of hosts, are dropped in silence, both "
          "ways or one way",
      .targets = {"host", "producer", "consumer"},
      .period = FaultSpec::Period::required,
      .back_end = "an nftables table that ends with its agent, and rules that match only what expires",
      .proof = "the kernel counted packets that it dropped",
      .undo = "the table is removed; proven when it is no longer listed",
      .irreversible = {},
      .client_sees = {"nothing at first: what is sent stays unanswered until a timeout or a heartbeat",
                      "one way only: what it sends arrives, and the answers are lost, or the other way round"},
      .parameters = with_groups(with_network_selectors()),
  };
}

}  // namespace troop::model
