// A network namespace of a test's own, with nothing but loopback, and UDP within it. The machine's own is never
// touched.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/udp.hpp>
#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "common/unique_fd.hpp"

namespace troop::test {

/// This thread, and what it forks, is in it until the end.
class PrivateNetwork {
 public:
  PrivateNetwork() : before_(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)) {
    if (!before_ || ::unshare(CLONE_NEWNET) != 0) {
      why_not_ = std::string{"no network namespace of its own (root is needed): "} + std::strerror(errno);
      before_.reset();
      return;
    }
    const UniqueFd any{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    ifreq loopback{};
    std::strcpy(loopback.ifr_name, "lo");
    loopback.ifr_flags = IFF_UP | IFF_RUNNING;
    if (::ioctl(any.get(), SIOCSIFFLAGS, &loopback) != 0)
      why_not_ = std::string{"no loopback: "} + std::strerror(errno);
  }
  PrivateNetwork(const PrivateNetwork&) = delete;
  PrivateNetwork& operator=(const PrivateNetwork&) = delete;
  ~PrivateNetwork() {
    if (before_) (void)::setns(before_.get(), CLONE_NEWNET);
  }
  /// Empty where it is there: else what a skipped test says.
  [[nodiscard]] const std::string& why_not() const { return why_not_; }

 private:
  UniqueFd before_;
  std::string why_not_;
};

/// A UDP socket on an address of its own.
class Datagrams {
 public:
  explicit Datagrams(const std::string& address, std::uint16_t port = 0) {
    const auto host = boost::asio::ip::make_address(address);
    const boost::asio::ip::udp::endpoint here{host, port};
    fd_.reset(::socket(host.is_v4() ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const int buffer_bytes = 8 << 20;  // nothing is lost because we are slow
    (void)::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUFFORCE, &buffer_bytes, sizeof buffer_bytes);
    if (::bind(fd_.get(), here.data(), static_cast<socklen_t>(here.size())) != 0) fd_.reset();
    learn_address();
  }
  /// One that somebody has made and bound.
  explicit Datagrams(UniqueFd bound) : fd_(std::move(bound)) { learn_address(); }
  /// For somebody else to have: here it is no longer open.
  UniqueFd release() { return std::move(fd_); }
  [[nodiscard]] bool open() const { return static_cast<bool>(fd_); }
  [[nodiscard]] std::uint16_t port() const {
    return ntohs(reinterpret_cast<const sockaddr_in&>(address_).sin_port);  // at the same place in IPv6
  }
  /// False where it was refused.
  bool send(const Datagrams& to, std::string_view text = "x") const {
    const auto size = to.address_.ss_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    return ::sendto(fd_.get(), text.data(), text.size(), 0, reinterpret_cast<const sockaddr*>(&to.address_),
                    static_cast<socklen_t>(size)) == static_cast<ssize_t>(text.size());
  }
  /// Whether one is there, or comes within `timeout_ms`; `text`: what it says.
  [[nodiscard]] bool receive(int timeout_ms, std::string& text) const {
    pollfd waiting{fd_.get(), POLLIN, 0};
    text.resize(2000);
    const auto got = ::poll(&waiting, 1, timeout_ms) == 1 ? ::recv(fd_.get(), text.data(), text.size(), 0) : -1;
    text.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    return got >= 0;
  }
  [[nodiscard]] bool receive(int timeout_ms = 10'000) const {
    std::string any;
    return receive(timeout_ms, any);
  }

 private:
  void learn_address() {
    socklen_t size = sizeof address_;
    (void)::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address_), &size);
  }
  UniqueFd fd_;
  sockaddr_storage address_{};
};

}  // namespace troop::test
