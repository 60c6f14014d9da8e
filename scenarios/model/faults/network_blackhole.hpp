// network.blackhole: one service does not answer, as behind a wrong firewall rule.
#pragma once

#include <algorithm>

#include "scenarios/model/network_parameters.hpp"

namespace troop::model {

inline FaultSpec network_blackhole() {
  FaultSpec spec{
      .name = "network.blackhole",
      .summary = "what the host sends to one service of its peers, and what that sends back, is dropped in silence",
      .targets = {"host"},
      .period = FaultSpec::Period::required,
      .back_end = "an nftables table that ends with its agent, and rules that match only what expires",
      .proof = "the kernel counted packets that it dropped",
      .undo = "the table is removed; proven when it is no longer listed",
      .irreversible = {},
      .client_sees = {"that service does not answer, until a timeout or a heartbeat; all other services do"},
      .parameters = with_network_selectors({}, true),
  };
  const auto port = std::ranges::find(spec.parameters, "port", &Parameter::name);
  port->required = true;
  port->what = "of the service, at the peers' end";
  return spec;
}

}  // namespace troop::model
