// The kernel's network emulator as the queue of a class of traffic: what enters it leaves late, twice or spoiled. See
// tc-netem(8). Where a kernel has no sch_netem, adding one is an error that says so. Blocks for milliseconds. Needs
// CAP_NET_ADMIN.
#pragma once

#include "agents/host/jitter.hpp"
#include "agents/host/route_netlink.hpp"

namespace troop::agents {

/// Packets leave in the order they came in.
struct Netem {
  Duration delay{};
  Jitter jitter = {};       ///< Without correlation: netem's own shows in no delay (see feasible).
  bool duplicates = false;  ///< Each packet leaves twice. Newer kernels take no other netem on such a link.
  bool corrupts = false;    ///< One bit of each is wrong, headers included, and no checksum is made to fit.

  /// Packets that wait at once; what is beyond is dropped. At 20,000 a second that is the longest delay, 10 s.
  static constexpr std::uint32_t length_max = 200'000;
  /// Of a jitter: netem keeps nanoseconds in 32 bits.
  static constexpr Duration jitter_max = std::chrono::seconds{2};
};

/// Errors: usage.
Result<void> feasible(const Netem& netem);

/// Below the class `parent` of a link. Errors: usage.
Result<void> add_netem(nl_sock* socket, int link, std::uint32_t parent, const Netem& netem);
/// What the kernel says it does there, but for the jitter. Errors: lost, where there is no netem; usage.
Result<Netem> netem_at(nl_sock* socket, int link, std::uint32_t parent);

}  // namespace troop::agents
