// network.loss: a bad line.
#pragma once

#include "scenarios/model/network_parameters.hpp"

namespace troop::model {

inline FaultSpec network_loss() {
  return {
      .name = "network.loss",
      .summary = "a share of the packets between the host and its peers is dropped, each by chance or in bursts",
      .targets = {"host", "producer", "consumer"},
      .period = FaultSpec::Period::required,
      .back_end =
          "an nftables table that ends with its agent, and rules that match only what expires; bursts: a kernel "
          "queue (NFQUEUE) where packets arrive, fed by such rules",
      .proof = "packets that were dropped, and those that passed, were counted",
      .undo = "the table is removed; proven when it is no longer listed",
      .irreversible = {},
      .client_sees = {"latency in steps: what was lost is sent again, after 200 ms and more"},
      .parameters = with_groups(with_network_selectors(
          {percent_of_packets(),
           {.name = "burst",
            .type = ParameterType::number,
            .what = "so many are lost in a row, on average (Gilbert's model); of what arrives: direction = \"in\"",
            .minimum = 1,
            .maximum = 10'000}})),
  };
}

}  // namespace troop::model
