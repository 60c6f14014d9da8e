#include "agents/host/namespaces.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <net/if.h>
#include <netlink/route/link/bridge.h>
#include <netlink/route/link/veth.h>
#include <sched.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <memory>
#include <thread>

#include "agents/host/route_netlink.hpp"

namespace troop::agents {
using namespace netlink;
namespace {

constexpr auto bridge_name = "br0";
constexpr auto cable_name = "eth0";
constexpr int prefix_bits = 24;

/// Namespaces belong to threads: `work` runs in one that ends with it.
Result<void> in_thread(const std::function<Result<void>()>& work) {
  Result<void> result = success();
  std::thread{[&] { result = work(); }}.join();
  return result;
}

Result<UniqueFd> new_netns() {
  UniqueFd made;
  BOOST_OUTCOME_TRY(in_thread([&]() -> Result<void> {
    if (unshare(CLONE_NEWNET) != 0) {
      return system_error(ErrorKind::usage, "hosts are network namespaces, which this user may not make", errno);
    }
    made.reset(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    if (!made) return system_error(ErrorKind::usage, "/proc/thread-self/ns/net", errno);
    return success();
  }));
  return made;
}

Result<void> bring_up(nl_sock* socket, const char* name) {
  rtnl_link* found = nullptr;
  BOOST_OUTCOME_TRY(answered(rtnl_link_get_kernel(socket, 0, name, &found), name));
  const Owned<rtnl_link> link{found};
  const Owned<rtnl_link> change{rtnl_link_alloc()};
  rtnl_link_set_flags(change.get(), IFF_UP);
  return answered(rtnl_link_change(socket, link.get(), change.get(), 0), name);
}

Result<void> make_bridge() {
  BOOST_OUTCOME_TRY(const auto socket, route_socket());
  const Owned<rtnl_link> bridge{rtnl_link_bridge_alloc()};
  rtnl_link_set_name(bridge.get(), bridge_name);
  BOOST_OUTCOME_TRY(answered(rtnl_link_add(socket.get(), bridge.get(), NLM_F_CREATE | NLM_F_EXCL), "bridge"));
  return bring_up(socket.get(), bridge_name);
}

/// A cable from the bridge, in this thread's namespace, into the host's.
Result<void> plug_in(const NetworkHost& host, std::size_t number) {
  BOOST_OUTCOME_TRY(const auto socket, route_socket());
  const Owned<rtnl_link> near{rtnl_link_veth_alloc()};
  const std::string name = "port" + std::to_string(number);
  rtnl_link_set_name(near.get(), name.c_str());
  rtnl_link_set_master(near.get(), static_cast<int>(if_nametoindex(bridge_name)));
  const Owned<rtnl_link> far{rtnl_link_veth_get_peer(near.get())};
  rtnl_link_set_name(far.get(), cable_name);
  rtnl_link_set_ns_fd(far.get(), host.netns.get());
  BOOST_OUTCOME_TRY(answered(rtnl_link_add(socket.get(), near.get(), NLM_F_CREATE | NLM_F_EXCL), "veth"));
  return bring_up(socket.get(), name.c_str());
}

/// In this thread's namespace.
Result<void> set_up_host(const NetworkHost& host) {
  BOOST_OUTCOME_TRY(const auto socket, route_socket());
  BOOST_OUTCOME_TRY(bring_up(socket.get(), "lo"));
  BOOST_OUTCOME_TRY(bring_up(socket.get(), cable_name));
  BOOST_OUTCOME_TRY(const auto local, netlink::address(host.address, AF_INET));
  nl_addr_set_prefixlen(local.get(), prefix_bits);
  const Owned<rtnl_addr> address{rtnl_addr_alloc()};
  rtnl_addr_set_ifindex(address.get(), static_cast<int>(if_nametoindex(cable_name)));
  BOOST_OUTCOME_TRY(answered(rtnl_addr_set_local(address.get(), local.get()), host.address));
  return answered(rtnl_addr_add(socket.get(), address.get(), NLM_F_EXCL), host.address);
}

}  // namespace

Result<void> enter(int netns) {
  if (setns(netns, CLONE_NEWNET) == 0) return success();
  return system_error(ErrorKind::usage, "this user may not enter a network namespace", errno);
}

Result<UniqueFd> open_netns(const std::string& path) {
  UniqueFd netns{open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (!netns) return system_error(ErrorKind::usage, "network namespace " + path, errno);
  struct statfs status {};
  if (fstatfs(netns.get(), &status) != 0 || status.f_type != NSFS_MAGIC) {
    return usage_error(path + " is no network namespace");
  }
  return netns;
}

Result<Network> Network::make(std::span<const model::Host> wanted) {
  Network network;
  for (const auto& want : wanted) {
    NetworkHost& host = network.hosts_.emplace_back(NetworkHost{want.name, want.address, UniqueFd{}});
    if (want.netns.find('/') != std::string::npos) return usage_error("'" + want.netns + "' is no name of a namespace");
    if (!want.netns.empty()) {
      BOOST_OUTCOME_TRY(host.netns, open_netns("/run/netns/" + want.netns));
      continue;
    }
    if (!network.switch_) {
      BOOST_OUTCOME_TRY(network.switch_, new_netns());
      BOOST_OUTCOME_TRY(in_thread([&]() -> Result<void> {
        BOOST_OUTCOME_TRY(enter(network.switch_.get()));
        return make_bridge();
      }));
    }
    host.address = "10.203.0." + std::to_string(network.hosts_.size());
    BOOST_OUTCOME_TRY(host.netns, new_netns());
    BOOST_OUTCOME_TRY(in_thread([&]() -> Result<void> {
      BOOST_OUTCOME_TRY(enter(network.switch_.get()));
      return plug_in(host, network.hosts_.size());
    }));
    BOOST_OUTCOME_TRY(in_thread([&]() -> Result<void> {
      BOOST_OUTCOME_TRY(enter(host.netns.get()));
      return set_up_host(host);
    }));
  }
  return network;
}

const NetworkHost* Network::find(std::string_view name) const {
  const auto found = std::ranges::find(hosts_, name, &NetworkHost::name);
  return found == hosts_.end() ? nullptr : &*found;
}

}  // namespace troop::agents
