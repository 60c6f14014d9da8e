// The keys that every fault on a host's network takes: which packets it means.
#pragma once

#include <string_view>
#include <vector>

#include "scenarios/model/catalogue.hpp"
#include "scenarios/model/groups.hpp"

namespace troop::model {

/// Of the faults that lead packets through a queue of the kernel's.
inline constexpr std::string_view packet_queue_back_end =
    "a kernel queue (NFQUEUE) where packets arrive, fed by nftables rules that end with its agent and match only what "
    "expires";
inline constexpr std::string_view packet_queue_undo =
    "what is held is let go and the table removed; proven when it is no longer listed";

inline Parameter percent_of_packets() {
  return {.name = "percent",
          .type = ParameterType::number,
          .what = "of the packets, from 0.0001 on",
          .required = true,
          .minimum = 0.0001,
          .maximum = 100};
}

/// Of the faults that alter packets one by one.
inline constexpr std::string_view alteration_back_end =
    "a kernel queue (NFQUEUE) where packets arrive, or netem below HTB where they leave; fed by nftables rules that "
    "end with its agent and match only what expires";
inline constexpr std::string_view alteration_undo =
    "what is held is let go, by netem for up to a second; rules and class are removed, the class from the undo journal "
    "where its agent died; proven when neither is listed";
inline Parameter where_altered() {
  return {.name = "direction",
          .type = ParameterType::choice,
          .what = "where it is done: in: as packets arrive; out: as they leave, by netem, where the kernel has it",
          .fallback = "in",
          .choices = {"in", "out"}};
}

/// `own`, and after them those that select packets; without `direction` where the fault knows only one.
inline std::vector<Parameter> with_network_selectors(std::vector<Parameter> own = {}, bool one_way = false) {
  std::vector<Parameter> selectors{
      {.name = "peers",
       .type = ParameterType::text_list,
       .what = "the other ends: hosts of the scenario, IPv4 or IPv6 addresses, DNS names, or \"any\" alone for "
               "everybody; without it all other hosts, or for a worker the broker"},
      {.name = "direction",
       .type = ParameterType::choice,
       .what = "of the packets, seen from the target",
       .fallback = "both",
       .choices = {"both", "in", "out"}},
      {.name = "protocol",
       .type = ParameterType::choice,
       .what = "of the packets",
       .fallback = "any",
       .choices = {"any", "tcp", "udp"}},
      {.name = "port",
       .type = ParameterType::integer,
       .what = "of either end; without it all",
       .minimum = 1,
       .maximum = 65535},
      {.name = "cgroup",
       .type = ParameterType::text,
       .what = "only what processes of this control group and below send and receive: a path of the unified hierarchy, "
               "as in /proc/PID/cgroup"},
  };
  if (one_way) std::erase_if(selectors, [](const Parameter& each) { return each.name == "direction"; });
  own.insert(own.end(), selectors.begin(), selectors.end());
  return own;
}

/// `own`, and after them those of a fault that can also be between groups of hosts.
inline std::vector<Parameter> with_groups(std::vector<Parameter> own) {
  own.push_back({.name = "groups",
                 .type = ParameterType::choice,
                 .what = "with target = \"hosts\", instead of `peers`: how they fall apart",
                 .choices = {halves, one_against_rest, majorities_ring, bridge, zone_against_zone, explicit_pairs}});
  own.push_back({.name = "pairs",
                 .type = ParameterType::text_list,
                 .what = "with groups = \"pairs\": which lose each other, such as \"db-1 db-2\""});
  return own;
}

}  // namespace troop::model
