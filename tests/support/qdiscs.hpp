// The queueing disciplines and classes of this thread's network namespace, as text to compare.
#pragma once

#include <fmt/format.h>

#include <string>

#include "agents/host/route_netlink.hpp"

namespace troop::test {

inline std::string qdiscs() {
  using namespace agents::netlink;
  const auto socket = route_socket().value();
  std::string text;
  const auto add = [&](nl_cache* listed) {
    const Owned<nl_cache> cache{listed};
    for (nl_object* item = nl_cache_get_first(listed); item != nullptr; item = nl_cache_get_next(item)) {
      auto* const tc = reinterpret_cast<rtnl_tc*>(item);
      text += fmt::format("link {} {} {:x} below {:x}\n", rtnl_tc_get_ifindex(tc), rtnl_tc_get_kind(tc),
                          rtnl_tc_get_handle(tc), rtnl_tc_get_parent(tc));
    }
  };
  nl_cache* listed = nullptr;
  if (rtnl_qdisc_alloc_cache(socket.get(), &listed) == 0) add(listed);
  if (rtnl_class_alloc_cache(socket.get(), 1, &listed) == 0) add(listed);  // of loopback
  return text;
}

}  // namespace troop::test
