// network.latency: a long way, or a slow one.
#pragma once

#include "scenarios/model/network_parameters.hpp"

namespace troop::model {

inline FaultSpec network_latency() {
  return {
      .name = "network.latency",
      .summary =
          "packets that arrive from the peers are held for a while, in their order, so that each round trip takes "
          "longer",
      .targets = {"host"},
      .period = FaultSpec::Period::required,
      .back_end = packet_queue_back_end,
      .proof = "packets were held and let go, and for how long was measured",
      .undo = packet_queue_undo,
      .irreversible = {},
      .client_sees = {"each round trip with the peers takes `delay` longer; nothing else"},
      .parameters =
          with_network_selectors({{.name = "delay",
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
                                   .choices = {"uniform", "normal", "pareto"}}},
                                 true),
  };
}

}  // namespace troop::model
