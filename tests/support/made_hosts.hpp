// Hosts that are made as a run makes them, and sockets on them.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "agents/host/namespaces.hpp"
#include "tests/support/private_network.hpp"
#include "tests/support/tcp_listener.hpp"

namespace troop::test {

/// In a thread of that network, which ends with it; sockets that are opened there stay there. False: it may not enter.
inline bool within(int netns, const std::function<void()>& work) {
  bool entered = false;
  std::thread{[&] {
    entered = agents::enter(netns).has_value();
    if (entered) work();
  }}.join();
  return entered;
}

/// A host and one of its addresses.
struct At {
  int netns = -1;
  std::string address;
};

/// Where datagrams are sent to and come from.
inline Datagrams datagrams(const At& at, std::uint16_t port = 0) {
  std::optional<Datagrams> made;
  (void)within(at.netns, [&] { made.emplace(at.address, port); });
  return std::move(made).value();
}

/// Whether a datagram of the one reaches the other.
inline bool reaches(const Datagrams& from, const Datagrams& to, int within_ms) {
  std::string any;
  while (to.receive(0, any)) continue;  // what came late
  return from.send(to) && to.receive(within_ms, any);
}

/// Whether a TCP connection can be made, within that time.
inline bool connects(const At& from, const At& to, int within_ms) {
  std::optional<Listener> listener;
  (void)within(to.netns, [&] { listener.emplace(to.address); });
  bool connected = false;
  (void)within(from.netns, [&] {
    const boost::asio::ip::tcp::endpoint there{boost::asio::ip::make_address(to.address), listener->port()};
    const UniqueFd fd{
        ::socket(there.address().is_v4() ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    const int answer = ::connect(fd.get(), there.data(), static_cast<socklen_t>(there.size()));
    pollfd waiting{fd.get(), POLLOUT, 0};
    if (answer != 0 && (errno != EINPROGRESS || ::poll(&waiting, 1, within_ms) != 1)) return;
    int wrong = 0;
    socklen_t size = sizeof wrong;
    connected = ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &wrong, &size) == 0 && wrong == 0;
  });
  return connected;
}

}  // namespace troop::test
