// Several hosts on one machine: network namespaces, joined by a bridge that is in a namespace of its own.
//
// None has a name or a file on the machine, and nothing of the machine's own network is changed. Descriptors of this
// process, and whoever runs inside, keep them: when those are gone, the kernel removes namespaces, bridge and cables.
// A host has the addresses that it is given and no other one, not even a link-local one: faults know all ways to it.
// See network_namespaces(7), veth(4). Needs CAP_SYS_ADMIN and CAP_NET_ADMIN.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/error.hpp"
#include "common/unique_fd.hpp"
#include "scenarios/model/scenario.hpp"

namespace troop::agents {

struct NetworkHost {
  std::string name;
  std::string address;  ///< IPv4, where the other hosts reach it.
  UniqueFd netns;
  std::string address6 = {};  ///< IPv6, of a host that was made; empty where this kernel has none.
};

class Network {
 public:
  /// Makes the hosts that are to be made, in 10.203.0.0/24 and fd8a:3c5e:b1f0::/64 (RFC 4193), and finds those that
  /// exist. Blocking, milliseconds. Errors: usage, where this user may not, or a namespace does not exist.
  static Result<Network> make(std::span<const model::Host> wanted);
  Network() = default;

  [[nodiscard]] const std::vector<NetworkHost>& hosts() const { return hosts_; }
  /// nullptr where there is none of that name.
  [[nodiscard]] const NetworkHost* find(std::string_view name) const;

 private:
  UniqueFd switch_;  ///< The bridge's namespace.
  std::vector<NetworkHost> hosts_;
};

/// From now on this thread uses that network, and so do the threads and processes that it starts. Errors: usage.
Result<void> enter(int netns);
/// The same for what `ip netns` calls `name`, or /proc knows as a path. Errors: usage.
Result<UniqueFd> open_netns(const std::string& path);

}  // namespace troop::agents
