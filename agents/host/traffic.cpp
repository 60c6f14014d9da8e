#include "agents/host/traffic.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace troop::agents {
namespace ip = boost::asio::ip;
namespace {

template <class T>
void name_once(std::vector<T>& list) {
  std::sort(list.begin(), list.end());
  list.erase(std::unique(list.begin(), list.end()), list.end());
}

}  // namespace

std::string Exempt::told() const {
  std::vector<std::string> all;
  for (const auto port : ports) all.push_back(fmt::format("port {}", port));
  for (const auto& network : v4) all.push_back(network.to_string());
  for (const auto& network : v6) all.push_back(network.to_string());
  return fmt::format("{}", fmt::join(all, ", "));
}

Result<ip::address> parse_address(const std::string& text) {
  boost::system::error_code wrong;
  auto address = ip::make_address(text, wrong);
  if (wrong) return usage_error("'" + text + "' is no IP address");
  if (address.is_v6() && text.find('%') != std::string::npos) {
    return usage_error("'" + text + "' has a zone, which packets do not carry");
  }
  if (address.is_v6() && address.to_v6().is_v4_mapped()) return ip::make_address_v4(ip::v4_mapped, address.to_v6());
  return address;
}

Result<Traffic> checked(Traffic traffic) {
  if (traffic.peers.empty() != traffic.everybody) {
    return usage_error(traffic.everybody ? "everybody is meant, and peers besides" : "there is no peer");
  }
  name_once(traffic.peers);
  name_once(traffic.ports);
  if (traffic.peers.size() > Traffic::peers_max) {
    return usage_error(fmt::format("{} peers, and at most {} are possible", traffic.peers.size(), Traffic::peers_max));
  }
  if (traffic.ports.size() > Traffic::ports_max) {
    return usage_error(fmt::format("{} ports, and at most {} are possible", traffic.ports.size(), Traffic::ports_max));
  }
  for (const auto& peer : traffic.peers) {
    if (peer.is_unspecified() || peer.is_multicast()) {
      return usage_error(peer.to_string() + " is no address that a packet comes from");
    }
  }
  if (!traffic.ports.empty() && traffic.ports.front() == 0) return usage_error("there is no port 0");
  return traffic;
}

}  // namespace troop::agents
