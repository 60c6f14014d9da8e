// A class of traffic that leaves at a given rate, or through netem: HTB on the links to some peers, with one class for
// each fault, and everything that nobody sends into a class passing by unchanged. What is sent into it, a filter with
// Stop::classify says, and that ends with its process: from then on all of this does nothing, until it is removed.
//
//   a packet to a peer ── meta priority set 7470:NUMBER ── root qdisc HTB 7470: ─┬─ class 7470:NUMBER ── RATE ──┐
//                                                                                ├─ class 7470:OTHER ── netem ──┤
//   any other ───────────────────────────────────────────────────────────────────┴─ passes by ──────────────────┴──
//   link
//
// A packet is in one class at most. Other people's qdiscs are never touched: where one is at the root, shaping is
// refused. See tc-htb(8). Everything happens in this thread's network namespace and blocks for milliseconds. Needs
// CAP_NET_ADMIN.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "agents/host/netem.hpp"
#include "common/error.hpp"

namespace troop::agents {

/// All that removing needs.
struct Shaping {
  std::vector<int> links;    ///< Interface indexes.
  std::uint16_t number = 0;  ///< Of the class; 0: there is none.
  std::uint64_t netns = 0;   ///< The inode of the network namespace.

  /// The class that packets have to be sent into.
  [[nodiscard]] std::uint32_t priority() const { return major << 16 | number; }
  static constexpr std::uint32_t major = 0x7470;
};

/// The links that packets to `peers` leave by now, and a number that no class there has. Changes nothing. Errors:
/// usage, where there is no way to a peer, or somebody else's qdisc in the way.
Result<Shaping> plan_shaping(std::span<const boost::asio::ip::address> peers);
/// Errors: usage; then part of it may be there.
Result<void> shape(const Shaping& shaping, std::uint64_t bytes_per_second);
Result<void> shape(const Shaping& shaping, const Netem& netem);

struct Shaped {
  std::uint64_t packets = 0;  ///< That left through the class.
  std::uint64_t bytes = 0;
  std::uint64_t waited = 0;   ///< How often the next one had to wait for the rate.
  std::uint64_t waiting = 0;  ///< Packets in its queue now.
  std::uint64_t dropped = 0;  ///< Packets that its queue had no room for.
};
/// So far. Errors: lost, where a class is no longer there.
Result<Shaped> shaped(const Shaping& shaping);
/// The delay that the kernel says it gives in the class, on each link; the shortest. Errors: lost, where on one of them
/// there is no netem.
Result<Duration> delay_of(const Shaping& shaping);
/// On each link netem does in the class what `netem` says, but for the jitter. Errors: lost, where it does not.
Result<void> still_does(const Shaping& shaping, const Netem& netem);

/// Removes the class from each link, and the qdisc where it was the last; proves that. What waits in it is dropped. A
/// link that is gone needs nothing. Idempotent. Errors: unrestored.
Result<void> unshape(const Shaping& shaping);
/// The same from wherever this process is, where the namespace still has a name or is this thread's; else it goes with
/// the run that made it, and there is nothing to do.
Result<void> unshape_anywhere(const Shaping& shaping);

}  // namespace troop::agents
