// network.dns: a name that is not found any more, or found elsewhere.
#pragma once

#include <algorithm>

#include "scenarios/model/network_parameters.hpp"

namespace troop::model {

inline FaultSpec network_dns() {
  FaultSpec spec{
      .name = "network.dns",
      .summary = "what the host's resolvers answer about some names is wrong, late, or does not come; over UDP",
      .targets = {"host"},
      .period = FaultSpec::Period::required,
      .back_end = packet_queue_back_end,
      .proof = "answers about these names were changed, and counted",
      .undo = packet_queue_undo,
      .irreversible = {},
      .client_sees =
          {"nxdomain, nodata: no such host; servfail: a temporary failure; late, none: a timeout, or a slow connect; "
           "address: a connection to somebody else",
           "nothing where it has an answer already (nscd, a cache in the program), uses names of /etc/hosts, or asks "
           "over TCP, TLS or HTTPS; one that checks DNSSEC gets an error instead of a wrong answer"},
      .parameters = with_network_selectors(
          {{.name = "names",
            .type = ParameterType::text_list,
            .what = "asked for: \"db.example.com\", or \"*.example.com\" for all below that",
            .required = true},
           {.name = "answer",
            .type = ParameterType::choice,
            .what = "what is heard of them",
            .fallback = "nxdomain",
            .choices = {"nxdomain", "servfail", "nodata", "address", "late", "none"}},
           {.name = "address", .what = "for `address`: IPv4 or IPv6; questions for the other family get no data"},
           {.name = "delay",
            .type = ParameterType::duration,
            .what = "for `late`: how long an answer is held",
            .minimum = 0.0001,
            .maximum = 10}},
          true),
  };
  std::erase_if(spec.parameters, [](const Parameter& each) { return each.name == "protocol"; });
  const auto peers = std::ranges::find(spec.parameters, "peers", &Parameter::name);
  peers->what = "the resolvers: hosts of the scenario, IPv4 or IPv6 addresses; without it those of /etc/resolv.conf";
  const auto port = std::ranges::find(spec.parameters, "port", &Parameter::name);
  port->what = "of the resolvers";
  port->fallback = "53";
  return spec;
}

}  // namespace troop::model
