// The host's policy file: what an experiment may do to this host, and the commands that a scenario may name and never
// spell out. Every key may be left out; one that is not known is refused, as is everything that is not understood.
//
//   {"environment": "staging",                       a scenario that names another, or none, is refused
//    "allow": ["broker.*", "process.kill"],          faults or families; without it all but those denied
//    "deny": ["broker.purge"],                       wins over allow
//    "longest": "5m",                                that a step may ask for
//    "protected_ports": [22],                        that no fault may hit; without the key, or the file, as here
//    "protected_peers": ["10.0.0.5", "fd00::/8"],    addresses and networks, likewise
//    "protected_processes": ["postgres"],            by the name of their program, likewise
//    "commands": {"mq": {"start": ["/usr/bin/mq-start"], "stop": ["/usr/bin/mq-stop", "now"]}}}
//
// A fault on the network that names what is protected is refused; one that means all ports, or everybody, leaves it
// out.
//
// /etc/troop/policy.json, or what TROOP_POLICY names. It belongs to root or to this user, and nobody else may write to
// it. Where the former is not there, nothing but port 22 is protected, and nothing else refused. A guard against
// mistakes, not against whoever may start agents.
#pragma once

#include <boost/asio/ip/network_v6.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/clock.hpp"
#include "common/error.hpp"

namespace troop::agents {

struct Policy {
  /// An address or a network; IPv4 as its IPv6-mapped form (RFC 4291, 2.5.5.2).
  struct Peers {
    std::string written;
    boost::asio::ip::network_v6 network;
  };
  using Actions = std::map<std::string, std::vector<std::string>>;

  std::string path;                               ///< Empty: there is no such file.
  std::string environment;                        ///< Empty: it names none.
  std::optional<std::vector<std::string>> allow;  ///< "broker.kill" or "broker.*"
  std::vector<std::string> deny;
  std::optional<Duration> longest;
  std::vector<std::uint16_t> protected_ports{22};  ///< ssh: how people get at a host that is cut off.
  std::vector<Peers> protected_peers;
  std::vector<std::string> protected_processes;
  std::map<std::string, Actions> commands;  ///< By entry, then by what it does.
};

/// Blocks on the disk. Errors: usage, for whatever is wrong with the file: then nothing is allowed.
Result<Policy> read_policy();

/// Whether a scenario for `environment` (empty: it names none) may run here. Errors: usage.
Result<void> admits_environment(const Policy& policy, std::string_view environment);
/// Whether the fault may be done, for so long. Errors: usage.
Result<void> admits_fault(const Policy& policy, std::string_view fault, std::optional<Duration> period);
/// Whether a fault may hit what is at this address, on this port; without one, on all that are not protected. Errors:
/// usage.
Result<void> admits_target(const Policy& policy, std::string_view fault, const std::string& address,
                           std::optional<std::uint16_t> port);
/// Whether a fault may hit this port of all who are not protected. Errors: usage.
Result<void> admits_port(const Policy& policy, std::string_view fault, std::uint16_t port);

/// The arguments of a command, the first of them an absolute path. Blocks on the disk. Errors: usage.
Result<std::vector<std::string>> named_command(const std::string& entry, const std::string& action);

}  // namespace troop::agents
