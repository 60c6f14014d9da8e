// The keys that every fault on a host's network takes: which packets it means.
#pragma once

#include <vector>

#include "scenarios/model/catalogue.hpp"

namespace troop::model {

/// `own`, and after them those that select packets; without `direction` where the fault knows only one.
inline std::vector<Parameter> with_network_selectors(std::vector<Parameter> own = {}, bool one_way = false) {
  std::vector<Parameter> selectors{
      {.name = "peers",
       .type = ParameterType::text_list,
       .what = "the other ends: hosts of the scenario, IPv4 or IPv6 addresses; without it all other hosts"},
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
  };
  if (one_way) std::erase_if(selectors, [](const Parameter& each) { return each.name == "direction"; });
  own.insert(own.end(), selectors.begin(), selectors.end());
  return own;
}

}  // namespace troop::model
