// What a policy refuses, and the words for it.
#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>

#include "agents/host/policy.hpp"
#include "scenarios/model/value.hpp"

namespace troop::agents {
namespace ip = boost::asio::ip;
namespace {

Error refused(const Policy& policy, std::string_view what, std::string_view why) {
  const auto who = policy.path.empty() ? "without a policy file Troop" : "policy file " + policy.path;
  return usage_error(fmt::format("{} refuses {}: {}", who, what, why));
}

bool covers(std::string_view pattern, std::string_view fault) {
  if (!pattern.ends_with(".*")) return pattern == fault;
  pattern.remove_suffix(1);
  return fault.starts_with(pattern);
}

/// Nullptr where none covers it.
const std::string* covering(const std::vector<std::string>& patterns, std::string_view fault) {
  const auto found = std::ranges::find_if(patterns, [&](const auto& pattern) { return covers(pattern, fault); });
  return found == patterns.end() ? nullptr : &*found;
}

bool holds(const Policy::Peers& peers, const ip::address& address) {
  const ip::address_v6 wide = address.is_v4() ? ip::make_address_v6(ip::v4_mapped, address.to_v4())
                                              : ip::address_v6{address.to_v6().to_bytes()};
  return ip::network_v6{wide, peers.network.prefix_length()}.canonical() == peers.network;
}

}  // namespace

Result<void> admits_environment(const Policy& policy, std::string_view environment) {
  if (policy.environment.empty() || policy.environment == environment) return success();
  const auto whose =
      environment.empty() ? "it names no environment" : fmt::format("it is for environment '{}'", environment);
  return refused(policy, "the scenario", fmt::format("{}, and this host is '{}'", whose, policy.environment));
}

Result<void> admits_fault(const Policy& policy, std::string_view fault, std::optional<Duration> period) {
  if (const auto* denied = covering(policy.deny, fault)) {
    return refused(policy, fault, fmt::format("'deny' names \"{}\"", *denied));
  }
  if (policy.allow && covering(*policy.allow, fault) == nullptr) {
    return refused(policy, fault, "'allow' does not name it");
  }
  if (policy.longest && period && *period > *policy.longest) {
    return refused(policy, fmt::format("{} for {}", fault, model::to_text(*period)),
                   fmt::format("'longest' is {}", model::to_text(*policy.longest)));
  }
  return success();
}

Result<void> admits_port(const Policy& policy, std::string_view fault, std::uint16_t port) {
  if (std::ranges::find(policy.protected_ports, port) == policy.protected_ports.end()) return success();
  return refused(policy, fmt::format("{} on port {}", fault, port), fmt::format("'protected_ports' has {}", port));
}

Result<void> admits_target(const Policy& policy, std::string_view fault, const std::string& address,
                           std::optional<std::uint16_t> port) {
  const std::string what =
      fmt::format("{} on {}, {}", fault, address, port ? fmt::format("port {}", *port) : "all ports");
  if (port && std::ranges::find(policy.protected_ports, *port) != policy.protected_ports.end()) {
    return refused(policy, what, fmt::format("'protected_ports' has {}", *port));
  }
  if (policy.protected_peers.empty()) return success();
  boost::system::error_code failure;
  const auto target = ip::make_address(address, failure);
  if (failure) return refused(policy, what, "whether it is one of 'protected_peers' cannot be told");
  for (const auto& peers : policy.protected_peers) {
    if (holds(peers, target)) return refused(policy, what, fmt::format("'protected_peers' has \"{}\"", peers.written));
  }
  return success();
}

}  // namespace troop::agents
