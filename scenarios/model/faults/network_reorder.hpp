// network.reorder: several paths of different length.
#pragma once

#include "scenarios/model/network_parameters.hpp"

namespace troop::model {

inline FaultSpec network_reorder() {
  return {
      .name = "network.reorder",
      .summary =
          "a share of the packets from the peers, or of those to them, is held, each chosen by chance, and later ones "
          "overtake it",
      .targets = {"host"},
      .period = FaultSpec::Period::required,
      .back_end = alteration_back_end,
      .proof =
          "packets were let go after such that came later, and counted; out: some left through a netem that, as the "
          "kernel says, holds them so long, and others past it",
      .undo = alteration_undo,
      .irreversible = {},
      .client_sees = {"TCP: packets sent again for nothing, and less throughput; UDP: datagrams out of order"},
      .parameters = with_network_selectors({percent_of_packets(),
                                            {.name = "delay",
                                             .type = ParameterType::duration,
                                             .what = "how long one of the share is held",
                                             .required = true,
                                             .minimum = 0.0001,
                                             .maximum = 10},
                                            where_altered()},
                                           true),
  };
}

}  // namespace troop::model
