// network.reorder: several paths of different length.
#pragma once

#include "scenarios/model/network_parameters.hpp"

namespace troop::model {

inline FaultSpec network_reorder() {
  return {
      .name = "network.reorder",
      .summary =
          "a share of the packets that arrive from the peers is held, each chosen by chance, and later ones overtake "
          "it",
      .targets = {"host"},
      .period = FaultSpec::Period::required,
      .back_end = packet_queue_back_end,
      .proof = "packets were let go after such that came later, and counted",
      .undo = packet_queue_undo,
      .irreversible = {},
      .client_sees = {"TCP: packets sent again for nothing, and less throughput; UDP: datagrams out of order"},
      .parameters = with_network_selectors({percent_of_packets(),
                                            {.name = "delay",
                                             .type = ParameterType::duration,
                                             .what = "how long one of the share is held",
                                             .required = true,
                                             .minimum = 0.0001,
                                             .maximum = 10}},
                                           true),
  };
}

}  // namespace troop::model
