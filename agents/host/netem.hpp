// The kernel's network emulator as the queue of a class of traffic: what enters it leaves late. See tc-netem(8). Where
// a kernel has no sch_netem, adding one is an error that says so. Blocks for milliseconds. Needs CAP_NET_ADMIN.
#pragma once

#include "agents/host/jitter.hpp"
#include "agents/host/route_netlink.hpp"

namespace troop::agents {

/// Packets leave in the order they came in.
struct Netem {
  Duration delay{};
  Jitter jitter = {};  ///< Without correlation: netem's own shows in no delay (see feasible).

  /// Packets that wait at once; what is beyond is dropped. At 20,000 a second that is the longest delay, 10 s.
  static constexpr std::uint32_t length_max = 200'000;
  /// Of a jitter: netem keeps nanoseconds in 32 bits.
  static constexpr Duration jitter_max = std::chrono::seconds{2};
};

/// Errors: usage.
Result<void> feasible(const Netem& netem);

/// Below the class `parent` of a link. Errors: usage.
Result<void> add_netem(nl_sock* socket, int link, std::uint32_t parent, const Netem& netem);
/// The delay that the kernel says it gives there. Errors: lost, where there is no netem; usage.
Result<Duration> netem_delay(nl_sock* socket, int link, std::uint32_t parent);

}  // namespace troop::agents
