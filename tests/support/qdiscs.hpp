// The queueing disciplines and classes of this thread's network namespace, as text to compare.
#pragma once

#include <fmt/format.h>
#include <netlink/route/qdisc.h>

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

/// As if somebody else shaped what leaves by loopback: htb, handle 1:. False: the kernel refuses.
inline bool add_foreign_qdisc() {
  using namespace agents::netlink;
  const auto socket = route_socket().value();
  const Owned<rtnl_qdisc> foreign{rtnl_qdisc_alloc()};
  rtnl_tc_set_ifindex(TC_CAST(foreign.get()), 1);
  rtnl_tc_set_parent(TC_CAST(foreign.get()), TC_H_ROOT);
  rtnl_tc_set_handle(TC_CAST(foreign.get()), 0x10000);
  rtnl_tc_set_kind(TC_CAST(foreign.get()), "htb");
  return rtnl_qdisc_add(socket.get(), foreign.get(), NLM_F_CREATE) == 0;
}

}  // namespace troop::test
