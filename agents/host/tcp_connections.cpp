#include "agents/host/tcp_connections.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <set>
#include <type_traits>
#include <vector>

#include "common/unique_fd.hpp"

namespace troop::agents {
namespace ip = boost::asio::ip;
namespace {

constexpr const char* what = "sock_diag";
constexpr std::uint32_t states = 1U << TCP_ESTABLISHED | 1U << TCP_CLOSE_WAIT;

struct Connection {
  std::uint8_t family;
  inet_diag_sockid id;
};

/// 0, or what the kernel says against it.
int ask(int fd, std::uint16_t type, int flags, const inet_diag_req_v2& request) {
  std::array<char, 256> buffer{};
  nlmsghdr* header = mnl_nlmsg_put_header(buffer.data());
  header->nlmsg_type = type;
  header->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
  std::memcpy(mnl_nlmsg_put_extra_header(header, sizeof request), &request, sizeof request);
  return send(fd, header, header->nlmsg_len, 0) < 0 ? errno : 0;
}

/// The other end; a connection of IPv4 may be one of IPv6's sockets.
ip::address peer_of(const inet_diag_msg& told) {
  if (told.idiag_family == AF_INET) return ip::address_v4{ntohl(told.id.idiag_dst[0])};
  ip::address_v6::bytes_type bytes;
  std::memcpy(bytes.data(), told.id.idiag_dst, bytes.size());
  const ip::address_v6 address{bytes};
  if (address.is_v4_mapped()) return ip::make_address_v4(ip::v4_mapped, address);
  return address;
}

using Addresses = std::set<ip::address>;

/// This host's own: what goes to them goes over loopback.
Result<Addresses> own_addresses() {
  ifaddrs* first = nullptr;
  if (getifaddrs(&first) != 0) return system_error(ErrorKind::usage, "getifaddrs", errno);
  Addresses own;
  for (const auto* each = first; each != nullptr; each = each->ifa_next) {
    if (each->ifa_addr == nullptr) continue;
    if (each->ifa_addr->sa_family == AF_INET) {
      own.insert(ip::address_v4{ntohl(reinterpret_cast<const sockaddr_in*>(each->ifa_addr)->sin_addr.s_addr)});
    } else if (each->ifa_addr->sa_family == AF_INET6) {
      ip::address_v6::bytes_type bytes;
      std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in6*>(each->ifa_addr)->sin6_addr, bytes.size());
      own.insert(ip::address_v6{bytes});
    }
  }
  freeifaddrs(first);
  return own;
}

bool is_exempt(const Exempt& exempt, const ip::address& peer, std::uint16_t one_port, std::uint16_t other_port) {
  const auto has = [&](std::uint16_t port) { return std::ranges::find(exempt.ports, port) != exempt.ports.end(); };
  const auto within = [&](const auto& network) {
    if constexpr (std::is_same_v<std::decay_t<decltype(network)>, ip::network_v4>) {
      return peer.is_v4() && ip::network_v4{peer.to_v4(), network.prefix_length()}.canonical() == network.canonical();
    } else {
      return peer.is_v6() && ip::network_v6{peer.to_v6(), network.prefix_length()}.canonical() == network.canonical();
    }
  };
  return has(one_port) || has(other_port) || std::ranges::any_of(exempt.v4, within) ||
         std::ranges::any_of(exempt.v6, within);
}

/// The number of its socket's control group; 0 where the kernel does not say it.
std::uint64_t group_of(const nlmsghdr* header) {
  for (const auto* attribute = static_cast<const nlattr*>(mnl_nlmsg_get_payload_offset(header, sizeof(inet_diag_msg)));
       mnl_attr_ok(attribute, static_cast<int>(static_cast<const char*>(mnl_nlmsg_get_payload_tail(header)) -
                                               reinterpret_cast<const char*>(attribute)));
       attribute = mnl_attr_next(attribute)) {
    if (mnl_attr_get_type(attribute) == INET_DIAG_CGROUP_ID) return mnl_attr_get_u64(attribute);
  }
  return 0;
}

/// `traffic` is in order (checked()); `own` are those of everybody who are this host itself.
bool is_meant(const Traffic& traffic, const Addresses& own, const inet_diag_msg& told) {
  const auto peer = peer_of(told);
  const std::uint16_t source = ntohs(told.id.idiag_sport), destination = ntohs(told.id.idiag_dport);
  const bool is_peer =
      traffic.everybody ? !peer.is_loopback() && !own.contains(peer) : std::ranges::binary_search(traffic.peers, peer);
  if (!is_peer || is_exempt(traffic.exempt, peer, source, destination)) return false;
  const auto has = [&](std::uint16_t port) { return std::ranges::binary_search(traffic.ports, port); };
  return traffic.ports.empty() || has(source) || has(destination);
}

/// `groups`: whose connections, where the traffic is of some only.
Result<void> find_connections(int fd, std::uint8_t family, const Traffic& traffic, const Addresses& own,
                              const std::set<std::uint64_t>& groups, std::vector<Connection>& found) {
  inet_diag_req_v2 all{};
  all.sdiag_family = family;
  all.sdiag_protocol = IPPROTO_TCP;
  all.idiag_states = states;
  if (const int wrong = ask(fd, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, all)) {
    return system_error(ErrorKind::usage, what, wrong);
  }
  std::vector<char> buffer(64 << 10);
  while (true) {
    const ssize_t got = recv(fd, buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error(ErrorKind::usage, what, errno);
    auto left = static_cast<int>(got);
    for (auto* header = reinterpret_cast<nlmsghdr*>(buffer.data()); mnl_nlmsg_ok(header, left);
         header = mnl_nlmsg_next(header, &left)) {
      if (header->nlmsg_type == NLMSG_DONE) return success();
      if (header->nlmsg_type == NLMSG_ERROR) {
        const int wrong = -static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(header))->error;
        if (wrong == ENOENT && family == AF_INET6) return success();  // a kernel without IPv6
        return system_error(ErrorKind::usage, what, wrong);
      }
      if (header->nlmsg_type != SOCK_DIAG_BY_FAMILY || mnl_nlmsg_get_payload_len(header) < sizeof(inet_diag_msg))
        continue;
      const auto& told = *static_cast<const inet_diag_msg*>(mnl_nlmsg_get_payload(header));
      if (!is_meant(traffic, own, told)) continue;
      if (traffic.group) {
        const std::uint64_t group = group_of(header);
        if (group == 0) return usage_error("sock_diag: this kernel does not say whose control group a connection is");
        if (!groups.contains(group)) continue;
      }
      found.push_back({told.idiag_family, told.id});
    }
  }
}

/// False where it has gone by itself meanwhile.
Result<bool> reset(int fd, const Connection& connection) {
  inet_diag_req_v2 one{};
  one.sdiag_family = connection.family;
  one.sdiag_protocol = IPPROTO_TCP;
  one.id = connection.id;  // with its cookie: no other one, whatever came in its place
  if (const int wrong = ask(fd, SOCK_DESTROY, NLM_F_ACK, one)) return system_error(ErrorKind::usage, what, wrong);
  std::array<char, 8192> buffer{};
  ssize_t got = 0;
  while ((got = recv(fd, buffer.data(), buffer.size(), 0)) < 0 && errno == EINTR) continue;
  const auto* header = reinterpret_cast<const nlmsghdr*>(buffer.data());
  if (got < 0) return system_error(ErrorKind::usage, what, errno);
  if (!mnl_nlmsg_ok(header, static_cast<int>(got)) || header->nlmsg_type != NLMSG_ERROR) {
    return system_error(ErrorKind::usage, what, EPROTO);
  }
  const int wrong = -static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(header))->error;
  if (wrong == 0) return true;
  if (wrong == ENOENT) return false;
  return system_error(ErrorKind::usage, "sock_diag: a connection cannot be aborted", wrong);
}

}  // namespace

Result<std::size_t> reset_connections(const Traffic& traffic) {
  BOOST_OUTCOME_TRY(const auto wanted, checked(traffic));
  const UniqueFd fd{socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG)};
  if (!fd) return system_error(ErrorKind::usage, what, errno);
  Addresses own;
  if (wanted.everybody) {
    BOOST_OUTCOME_TRY(own, own_addresses());
  }
  const auto groups = wanted.group ? ids_within(*wanted.group) : std::set<std::uint64_t>{};
  std::vector<Connection> found;
  for (const auto family : {AF_INET, AF_INET6}) {
    BOOST_OUTCOME_TRY(find_connections(fd.get(), static_cast<std::uint8_t>(family), wanted, own, groups, found));
  }
  std::size_t gone = 0;
  for (const auto& connection : found) {
    BOOST_OUTCOME_TRY(const bool was_there, reset(fd.get(), connection));
    gone += was_there ? 1 : 0;
  }
  return gone;
}

}  // namespace troop::agents
