// Packets of a host stopped by nftables: a partition, a refusal, random loss. Each filter is a table of its own with
// `flags owner`, so that several compose, each is undone alone, and the kernel removes it with its process. Its rules
// match only through set elements with a timeout: where the process hangs and does not renew them, the filter ends too.
//
//   input   ── a packet from a peer ─┐
//   output  ── a packet to a peer ───┴─ one of the ports ── counter ── the dice ── counter ── dropped or rejected
//
// Neighbour discovery passes, as ARP does below IPv4: without it a healed IPv6 link stays silent for a while.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "agents/host/expiry.hpp"
#include "agents/host/nftables.hpp"
#include "agents/host/traffic.hpp"
#include "common/clock.hpp"

namespace troop::agents {

/// What becomes of a packet. reset: TCP connections are reset, all else is unreachable (ICMP port unreachable);
/// unreachable: ICMP host unreachable for all; classify: it goes on, in a class of traffic (Shaping).
enum class Stop { drop, reset, unreachable, classify };

struct StopRule {
  Traffic traffic;
  Stop how = Stop::drop;
  double percent = 100;        ///< Of the packets, each by chance of the kernel's own, which no seed repeats.
  std::uint32_t priority = 0;  ///< For classify: the class.
  /// Only what is above this rate; 0: all. At once may pass what that is in a second (so the kernel counts), and
  /// 128 KiB besides: what arrives comes put together.
  std::uint64_t above_bytes_per_second = 0;
};

struct Stopped {
  std::uint64_t matched_in = 0, matched_out = 0;  ///< Packets of that traffic, seen from this host.
  std::uint64_t stopped_in = 0, stopped_out = 0;
};

class PacketFilter {
 public:
  static constexpr double percent_min = 0.0001;

  /// In force when it returns; ends by itself after `timeout` without renew(). Errors: usage.
  static Result<PacketFilter> start(StopRule rule, Duration timeout);
  /// Another `timeout` from now. Errors: lost, where it has ended by itself already: that is for ever.
  Result<void> renew();
  /// Means these peers too, from the next renew() on.
  void add_peers(const std::vector<boost::asio::ip::address>& peers);
  [[nodiscard]] Result<Stopped> counters();
  /// Ends it and proves that; dropped without this, it ends unseen. Idempotent. Errors: unrestored.
  Result<void> stop();
  [[nodiscard]] const std::string& table() const { return table_; }

 private:
  PacketFilter(Nftables nft, std::string table, std::string flush, std::string elements, Expiry expiry);

  std::optional<Nftables> nft_;
  std::string table_;
  std::string flush_;     ///< The command that removes all elements.
  std::string elements_;  ///< The command that adds them all.
  Expiry expiry_;
};

}  // namespace troop::agents
