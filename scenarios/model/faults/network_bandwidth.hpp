// network.bandwidth: a thin line, out of a host or into it.
#pragma once

#include "scenarios/model/network_parameters.hpp"

namespace troop::model {

inline FaultSpec network_bandwidth() {
  return {
      .name = "network.bandwidth",
      .summary =
          "what the host sends to its peers leaves at a limited rate, or what comes from them is dropped above it",
      .targets = {"host"},
      .period = FaultSpec::Period::required,
      .back_end =
          "HTB on the links to the peers, fed by nftables rules that end with its agent and match only what expires; "
          "in: such rules alone",
      .proof =
          "the kernel counted packets that left through the limit, and how often they had to wait for it; in: that "
          "it dropped some",
      .undo = "rules and limit are removed, from the undo journal where its agent died; proven when neither is listed",
      .irreversible = {},
      .client_sees = {"throughput up to the rate; beyond it, latency that grows, and producers that are held back; in: "
                      "loss beyond it, which TCP takes for a full line"},
      .parameters = with_network_selectors({{.name = "rate_mbit",
                                             .type = ParameterType::number,
                                             .what = "Mbit/s (10^6), of all these packets together on each link",
                                             .required = true,
                                             .minimum = 0.01,
                                             .maximum = 100'000},
                                            {.name = "direction",
                                             .type = ParameterType::choice,
                                             .what = "where the rate is: packets wait where they leave (out), or are "
                                                     "dropped where they arrive (in)",
                                             .fallback = "out",
                                             .choices = {"out", "in"}}},
                                           true),
  };
}

}  // namespace troop::model
