// network.bandwidth: a thin line.
#pragma once

#include "scenarios/model/network_parameters.hpp"

namespace troop::model {

inline FaultSpec network_bandwidth() {
  return {
      .name = "network.bandwidth",
      .summary = "what the host sends to its peers leaves at a limited rate",
      .targets = {"host"},
      .period = FaultSpec::Period::required,
      .back_end =
          "HTB on the links to the peers, fed by nftables rules that end with its agent and match only what expires",
      .proof = "the kernel counted packets that left through the limit, and how often they had to wait for it",
      .undo = "rules and limit are removed, from the undo journal where its agent died; proven when neither is listed",
      .irreversible = {},
      .client_sees = {"throughput up to the rate; beyond it, latency that grows, and producers that are held back"},
      .parameters = with_network_selectors({{.name = "rate_mbit",
                                             .type = ParameterType::number,
                                             .what = "Mbit/s (10^6), of all these packets together on each link",
                                             .required = true,
                                             .minimum = 0.01,
                                             .maximum = 100'000}},
                                           true),
  };
}

}  // namespace troop::model
