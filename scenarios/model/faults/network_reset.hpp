// network.reset: connections break, and nothing else: a restarted firewall, a failed-over load balancer.
#pragma once

#include "scenarios/model/network_parameters.hpp"

namespace troop::model {

inline FaultSpec network_reset() {
  FaultSpec spec{
      .name = "network.reset",
      .summary = "the host's established TCP connections with its peers are reset, at both ends, once",
      .targets = {"host"},
      .period = FaultSpec::Period::optional,
      .back_end = "the kernel aborts each connection (sock_diag)",
      .proof = "the kernel said so, for at least one connection; they are counted",
      .undo = "nothing: clients connect again by themselves",
      .irreversible = {"the connections are closed",
                       "unconfirmed publishes are unknown, and duplicated by a resend where they were stored",
                       "unacknowledged deliveries are delivered again"},
      .client_sees = {"on the host: \"connection aborted\"; at the peers: \"connection reset by peer\""},
      .parameters = with_network_selectors({}, true),
  };
  std::erase_if(spec.parameters, [](const Parameter& each) { return each.name == "protocol"; });
  return spec;
}

}  // namespace troop::model
