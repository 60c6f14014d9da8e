// network.reject: a firewall says no, instead of silence.
#pragma once

#include "scenarios/model/network_parameters.hpp"

namespace troop::model {

inline FaultSpec network_reject() {
  return {
      .name = "network.reject",
      .summary =
          "packets between the host and its peers, or between groups of hosts, are refused: connections are reset, or "
          "told that nobody is there",
      .targets = {"host", "producer", "consumer"},
      .period = FaultSpec::Period::required,
      .back_end = "an nftables table that ends with its agent, and rules that match only what expires",
      .proof = "the kernel counted packets that it rejected",
      .undo = "the table is removed; proven when it is no longer listed",
      .irreversible = {},
      .client_sees = {"reset: established connections are reset, new ones refused",
                      "unreachable: new connections fail with \"no route to host\""},
      .parameters = with_groups(
          with_network_selectors({{.name = "with",
                                   .type = ParameterType::choice,
                                   .what = "how: TCP reset (port unreachable for all else), or host unreachable",
                                   .fallback = "reset",
                                   .choices = {"reset", "unreachable"}}})),
  };
}

}  // namespace troop::model
