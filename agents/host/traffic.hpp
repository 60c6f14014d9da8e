// Which packets of this host a network fault means.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agents/host/control_group.hpp"
#include "common/error.hpp"

namespace troop::agents {

/// Seen from this host.
enum class Direction { both, in, out };
enum class Transport { any, tcp, udp };

/// A name, and what it meant when somebody asked.
struct NamedPeer {
  std::string name;
  std::vector<boost::asio::ip::address> addresses;
};

/// What no fault hits.
struct Exempt {
  std::vector<std::uint16_t> ports = {};  ///< Of TCP and UDP, at either end.
  std::vector<boost::asio::ip::network_v4> v4 = {};
  std::vector<boost::asio::ip::network_v6> v6 = {};

  /// For people: "port 22, 10.0.0.0/8"; empty where nothing is exempt.
  [[nodiscard]] std::string told() const;
};

struct Traffic {
  std::vector<boost::asio::ip::address> peers = {};  ///< The other ends; at least one, where it is not everybody.
  Direction direction = Direction::both;
  Transport transport = Transport::any;
  std::vector<std::uint16_t> ports = {};  ///< Of either end; empty: all. With ports, only TCP and UDP are meant.

  bool only_peers_ports = false;  ///< Of the peer's end alone.
  /// Where peers came from that were written as names; `peers` has their addresses.
  std::vector<NamedPeer> names = {};
  bool everybody = false;  ///< All other ends, of both families, but this host itself (over loopback); no peers then.
  Exempt exempt = {};
  /// Of this host's end: only what the sockets of this group and those below send and receive. Not theirs are packets
  /// that the kernel sends for no process's socket: its answer to a handshake, a reset, what ends a connection.
  std::optional<ControlGroup> group = {};

  static constexpr std::size_t peers_max = 20'000;
  static constexpr std::size_t ports_max = 64;
};

/// IPv4 or IPv6 without a zone; an IPv4 address that is written as IPv6 becomes IPv4. Resolves no names. Errors: usage.
Result<boost::asio::ip::address> parse_address(const std::string& text);
/// The same packets, each peer and port named once. Errors: usage, where it can mean no packet, or too many peers.
Result<Traffic> checked(Traffic traffic);

}  // namespace troop::agents
