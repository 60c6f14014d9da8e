#include "agents/host/packet_copier.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace troop::agents {
namespace {

constexpr int send_buffer_bytes = 8 << 20;

Result<UniqueFd> raw_socket(int family) {
  UniqueFd fd{socket(family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW)};  // the IP header is ours too
  const std::uint32_t mark = PacketCopier::mark;
  if (!fd || setsockopt(fd.get(), SOL_SOCKET, SO_MARK, &mark, sizeof mark) != 0) {
    return system_error(ErrorKind::usage, "a raw socket", errno);
  }
  setsockopt(fd.get(), SOL_SOCKET, SO_SNDBUFFORCE, &send_buffer_bytes, sizeof send_buffer_bytes);
  return fd;
}

}  // namespace

Result<PacketCopier> PacketCopier::open() {
  BOOST_OUTCOME_TRY(auto v4, raw_socket(AF_INET));
  auto v6 = raw_socket(AF_INET6);
  return PacketCopier{std::move(v4), v6.has_value() ? std::move(v6).value() : UniqueFd{}};
}

bool PacketCopier::send(std::span<const std::uint8_t> packet) const {
  const auto sent = [&](const UniqueFd& fd, const auto& to) {
    return fd && sendto(fd.get(), packet.data(), packet.size(), 0, reinterpret_cast<const sockaddr*>(&to), sizeof to) ==
                     static_cast<ssize_t>(packet.size());
  };
  const auto address = [&](auto& to, std::size_t at) {
    std::copy_n(packet.begin() + static_cast<std::ptrdiff_t>(at), sizeof to, reinterpret_cast<std::uint8_t*>(&to));
  };
  if (packet.size() >= sizeof(std::uint32_t) * 5 && packet[0] >> 4 == 4) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    address(to.sin_addr, 16);
    return sent(v4_, to);
  }
  if (packet.size() >= 40 && packet[0] >> 4 == 6) {
    sockaddr_in6 to{};
    to.sin6_family = AF_INET6;
    address(to.sin6_addr, 24);
    return sent(v6_, to);
  }
  return false;
}

}  // namespace troop::agents
