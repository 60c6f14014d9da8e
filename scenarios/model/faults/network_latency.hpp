// network.latency: a long way, or a slow one.
#pragma once

#include "scenarios/model/network_parameters.hpp"

namespace troop::model {

inline FaultSpec network_latency() {
  return {
      .name = "network.latency",
      .summary =
          "packets from the peers, or those to them, are held for a while, in their order, so that each round trip "
          "takes longer",
      .targets = {"host", "producer", "consumer"},
      .period = FaultSpec::Period::required,
      .back_end =
          "netem below HTB where packets leave, or a kernel queue (NFQUEUE) where they arrive; fed by nftables rules "
          "that end with its agent and match only what expires",
      .proof =
          "packets were held and let go; for how long was measured where they arrive, and is the kernel's word where "
          "they leave",
      .undo =
          "what is held is let go, by netem for up to a second; rules and class are removed, from the undo journal "
          "where its agent died; proven when neither is listed",
      .irreversible = {},
      .client_sees = {"each round trip with the peers takes `delay` longer; nothing else"},
      .parameters = with_groups(with_network_selectors(
          {{.name = "delay",
            .type = ParameterType::duration,
            .what = "how long a packet is held",
            .required = true,
            .minimum = 0.0001,
            .maximum = 10},
           {.name = "jitter",
            .type = ParameterType::duration,
            .what = "uniform: at most so far from `delay`; else the standard deviation",
            .fallback = "0s",
            .minimum = 0,
            .maximum = 10},
           {.name = "distribution",
            .type = ParameterType::choice,
            .what = "of the jitter",
            .fallback = "uniform",
            .choices = {"uniform", "normal", "pareto"}},
           {.name = "correlation",
            .type = ParameterType::number,
            .what = "percent: of each packet's jitter with that of the packet before",
            .fallback = "0",
            .minimum = 0,
            .maximum = 99},
           {.name = "direction",
            .type = ParameterType::choice,
            .what = "where packets are held: in: as they arrive; out: as they leave, by netem; either: out where the "
                    "kernel has netem and nothing is in its way",
            .fallback = "either",
            .choices = {"either", "in", "out"}}},
          true)),
  };
}

}  // namespace troop::model
