// Somebody who takes TCP connections, in a network of the test's own.
#pragma once

#include <sys/socket.h>

#include <boost/asio/ip/tcp.hpp>
#include <string>

#include "common/unique_fd.hpp"

namespace troop::test {

class Listener {
 public:
  /// Port 0: one that is free.
  explicit Listener(const std::string& address, std::uint16_t port = 0)
      : here_(boost::asio::ip::make_address(address), port), fd_(made(here_)) {
    const int on = 1;
    (void)::setsockopt(fd_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (::bind(fd_.get(), here_.data(), static_cast<socklen_t>(here_.size())) != 0 || ::listen(fd_.get(), 8) != 0) {
      fd_.reset();
    }
    socklen_t size = static_cast<socklen_t>(here_.capacity());
    (void)::getsockname(fd_.get(), here_.data(), &size);
  }
  [[nodiscard]] std::uint16_t port() const { return here_.port(); }
  /// The client's end of a new connection from that address.
  [[nodiscard]] UniqueFd connection_from(const std::string& address) const {
    const boost::asio::ip::tcp::endpoint there{boost::asio::ip::make_address(address), 0};
    UniqueFd fd = made(there);
    (void)::bind(fd.get(), there.data(), static_cast<socklen_t>(there.size()));
    if (::connect(fd.get(), here_.data(), static_cast<socklen_t>(here_.size())) != 0) fd.reset();
    return fd;
  }
  /// The other end of the oldest that nobody accepted.
  [[nodiscard]] UniqueFd accept() const { return UniqueFd{::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC)}; }
  /// For somebody else to have: here it no longer listens.
  UniqueFd release() { return std::move(fd_); }

 private:
  static UniqueFd made(const boost::asio::ip::tcp::endpoint& at) {
    return UniqueFd{::socket(at.address().is_v4() ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  }
  boost::asio::ip::tcp::endpoint here_;
  UniqueFd fd_;
};

}  // namespace troop::test
