#include "agents/host/namespaces.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/magic.h>
#include <net/if.h>
#include <netlink/route/link/bridge.h>
#include <netlink/route/link/inet6.h>
#include <netlink/route/link/veth.h>
#include <sched.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <thread>

#include "agents/host/route_netlink.hpp"

namespace troop::agents {
using namespace netlink;
namespace {

constexpr auto bridge_name = "br0";
constexpr auto cable_name = "eth0";
constexpr int prefix_bits = 24, prefix6_bits = 64;
const std::string ipv6_settings = "/proc/sys/net/ipv6/conf/";  // of the reading thread's network

bool kernel_has_ipv6() {
  std::error_code none;
  return std::filesystem::exists(ipv6_settings, none);
}

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

/// To be called before it is up: until then it has no link-local address.
Result<void> without_addresses(nl_sock* socket, const char* name) {
  if (!kernel_has_ipv6()) return success();
  rtnl_link* found = nullptr;
  BOOST_OUTCOME_TRY(answered(rtnl_link_get_kernel(socket, 0, name, &found), name));
  const Owned<rtnl_link> link{found};
  const Owned<rtnl_link> change{rtnl_link_alloc()};
  BOOST_OUTCOME_TRY(answered(rtnl_link_inet6_set_addr_gen_mode(change.get(), IN6_ADDR_GEN_MODE_NONE), name));
  return answered(rtnl_link_change(socket, link.get(), change.get(), 0), name);
}

Result<void> make_bridge() {
  BOOST_OUTCOME_TRY(const auto socket, route_socket());
  const Owned<rtnl_link> bridge{rtnl_link_bridge_alloc()};
  rtnl_link_set_name(bridge.get(), bridge_name);
  BOOST_OUTCOME_TRY(answered(rtnl_link_add(socket.get(), bridge.get(), NLM_F_CREATE | NLM_F_EXCL), "bridge"));
  BOOST_OUTCOME_TRY(without_addresses(socket.get(), bridge_name));
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
  BOOST_OUTCOME_TRY(without_addresses(socket.get(), name.c_str()));
  return bring_up(socket.get(), name.c_str());
}

/// No routers, and so no addresses and ways of theirs. False where that cannot be said: a kernel without IPv6, or a
/// container that may not change it (/proc/sys is read-only).
bool expects_no_router() {
  const auto is_set = [](const std::string& name, const std::string& value) {
    const auto path = ipv6_settings + name;
    std::ofstream{path} << value << std::flush;
    std::string now;
    return std::ifstream{path} >> now && now == value;
  };
  const std::string here = std::string{cable_name} + "/";
  return is_set("all/forwarding", "0") && is_set(here + "accept_ra", "0") && is_set(here + "autoconf", "0") &&
         is_set(here + "disable_ipv6", "0");
}

Result<void> add_address(nl_sock* socket, const std::string& text, int family, int bits) {
  BOOST_OUTCOME_TRY(const auto local, netlink::address(text, family));
  nl_addr_set_prefixlen(local.get(), bits);
  const Owned<rtnl_addr> address{rtnl_addr_alloc()};
  rtnl_addr_set_ifindex(address.get(), static_cast<int>(if_nametoindex(cable_name)));
  BOOST_OUTCOME_TRY(answered(rtnl_addr_set_local(address.get(), local.get()), text));
  // Nobody else can have it: there is no need to wait until the kernel has asked the others.
  if (family == AF_INET6) rtnl_addr_set_flags(address.get(), IFA_F_NODAD);
  return answered(rtnl_addr_add(socket, address.get(), NLM_F_EXCL), text);
}

/// In this thread's namespace. Without an IPv6 address where there cannot be one.
Result<void> set_up_host(NetworkHost& host) {
  BOOST_OUTCOME_TRY(const auto socket, route_socket());
  BOOST_OUTCOME_TRY(bring_up(socket.get(), "lo"));
  BOOST_OUTCOME_TRY(without_addresses(socket.get(), cable_name));
  if (!expects_no_router()) host.address6.clear();
  BOOST_OUTCOME_TRY(bring_up(socket.get(), cable_name));
  BOOST_OUTCOME_TRY(add_address(socket.get(), host.address, AF_INET, prefix_bits));
  if (host.address6.empty()) return success();
  return add_address(socket.get(), host.address6, AF_INET6, prefix6_bits);
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
    host.address = fmt::format("10.203.0.{}", network.hosts_.size());
    host.address6 = fmt::format("fd8a:3c5e:b1f0::{:x}", network.hosts_.size());
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
