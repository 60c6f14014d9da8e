#include "tests/support/lying_relay.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <ctime>
#include <string_view>
#include <utility>
#include <vector>

namespace troop::test {
namespace {

/// While so much waits for one side, nothing more is read from the other: the kernel's buffers fill up, and the sender
/// feels what it would feel without a relay. (The relay's own confirms may add a few bytes to it.)
constexpr std::size_t unsent_bytes_max = 256 * 1024;

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

void prepare(const UniqueFd& fd) {
  const int on = 1;
  setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  fcntl(fd.get(), F_SETFL, fcntl(fd.get(), F_GETFL) | O_NONBLOCK);
}

bool would_block() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

}  // namespace

Result<std::unique_ptr<LyingRelay>> LyingRelay::start(std::uint16_t broker_port, LiePlan plan) {
  std::unique_ptr<LyingRelay> relay{new LyingRelay{broker_port, std::move(plan)}};
  relay->listener_.reset(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  auto address = loopback(0);
  socklen_t size = sizeof address;
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  if (!relay->listener_ || bind(relay->listener_.get(), any, size) != 0 || listen(relay->listener_.get(), 64) != 0 ||
      getsockname(relay->listener_.get(), any, &size) != 0) {
    return system_error(ErrorKind::usage, "relay", errno);
  }
  relay->port_ = ntohs(address.sin_port);
  return relay;
}

void LyingRelay::serve(Duration limit) {
  std::vector<pollfd> watched{{listener_.get(), POLLIN, 0}};
  for (const Wire& wire : wires_) {
    const auto watch = [&](const End& end, const End& other) {
      const int read = !end.closed && other.unsent.size() < unsent_bytes_max ? POLLIN : 0;
      const int write = end.unsent.empty() ? 0 : POLLOUT;
      // Of a side that is gone, poll() would tell again and again.
      watched.push_back({end.closed && write == 0 ? -1 : end.fd.get(), static_cast<short>(read | write), 0});
    };
    watch(wire.client, wire.broker);
    watch(wire.broker, wire.client);
  }
  const timespec timeout{limit.count() / 1'000'000'000, limit.count() % 1'000'000'000};
  if (ppoll(watched.data(), watched.size(), &timeout, nullptr) <= 0) return;

  std::size_t next = 1;
  for (Wire& wire : wires_) {
    for (End* end : {&wire.client, &wire.broker}) {
      const pollfd& ready = watched[next++];
      if ((ready.revents & POLLIN) != 0) {
        receive(wire, *end);
      } else if ((ready.revents & (POLLERR | POLLHUP)) != 0) {
        end->give_up();
      }
    }
    send_to(wire.client);
    send_to(wire.broker);
  }
  std::erase_if(wires_, over);
  if (watched.front().revents != 0) accept_one();
}

void LyingRelay::accept_one() {
  UniqueFd client{accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
  if (!client) return;
  UniqueFd broker{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  const auto address = loopback(broker_port_);
  if (connect(broker.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    report_.problems.emplace_back("the broker takes no connection");
    return;
  }
  prepare(client);
  prepare(broker);
  ++connections_ever_;
  wires_.push_back({{std::move(client), {}}, {std::move(broker), {}}, {plan_, report_}});
}

void LyingRelay::receive(Wire& wire, End& from) {
  std::array<char, 64 * 1024> bytes;
  const ssize_t n = recv(from.fd.get(), bytes.data(), bytes.size(), 0);
  if (n < 0 && would_block()) return;
  if (n == 0) from.closed = true;
  if (n < 0) from.give_up();
  if (n <= 0) return;
  const std::string_view received{bytes.data(), static_cast<std::size_t>(n)};
  RelayOutput out;
  const bool understood =
      &from == &wire.client ? wire.lies.from_client(received, out) : wire.lies.from_broker(received, out);
  wire.client.unsent += out.to_client;
  wire.broker.unsent += out.to_broker;
  if (understood) return;
  report_.problems.emplace_back("what a client or the broker sent is no AMQP");
  from.closed = true;
}

void LyingRelay::send_to(End& end) {
  while (!end.unsent.empty()) {
    const ssize_t n = send(end.fd.get(), end.unsent.data(), end.unsent.size(), MSG_NOSIGNAL);
    if (n < 0 && would_block()) return;
    if (n < 0) return end.give_up();
    end.unsent.erase(0, static_cast<std::size_t>(n));
  }
}

bool LyingRelay::over(const Wire& wire) {
  return (wire.client.closed && wire.broker.unsent.empty()) || (wire.broker.closed && wire.client.unsent.empty());
}

}  // namespace troop::test
