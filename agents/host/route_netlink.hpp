// What all conversations with the kernel's routing share: libnl's objects, owned, and its answers, as errors.
#pragma once

#include <linux/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/class.h>
#include <netlink/route/link.h>
#include <netlink/route/qdisc.h>
#include <netlink/route/route.h>

#include <memory>
#include <string>
#include <string_view>

#include "common/error.hpp"

namespace troop::agents::netlink {

struct Free {
  void operator()(nl_sock* socket) const { nl_socket_free(socket); }
  void operator()(nl_cache* cache) const { nl_cache_free(cache); }
  void operator()(nl_addr* address) const { nl_addr_put(address); }
  void operator()(rtnl_link* link) const { rtnl_link_put(link); }
  void operator()(rtnl_addr* address) const { rtnl_addr_put(address); }
  void operator()(rtnl_route* route) const { rtnl_route_put(route); }
  void operator()(rtnl_qdisc* qdisc) const { rtnl_qdisc_put(qdisc); }
  void operator()(rtnl_class* traffic_class) const { rtnl_class_put(traffic_class); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

/// A negative answer of libnl is one of its own codes.
inline Result<void> answered(int answer, std::string_view what) {
  if (answer >= 0) return success();
  return usage_error(std::string{what} + ": " + nl_geterror(answer));
}

/// In this thread's network namespace. Errors: usage.
inline Result<Owned<nl_sock>> route_socket() {
  Owned<nl_sock> socket{nl_socket_alloc()};
  if (!socket) return usage_error("no memory for a netlink socket");
  BOOST_OUTCOME_TRY(answered(nl_connect(socket.get(), NETLINK_ROUTE), "netlink"));
  return socket;
}

/// Errors: usage.
inline Result<Owned<nl_addr>> address(const std::string& text, int family) {
  nl_addr* parsed = nullptr;
  BOOST_OUTCOME_TRY(answered(nl_addr_parse(text.c_str(), family, &parsed), text));
  return Owned<nl_addr>{parsed};
}

}  // namespace troop::agents::netlink
