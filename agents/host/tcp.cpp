#include "agents/host/tcp.hpp"

#include <arpa/inet.h>
#include <sched.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <fstream>
#include <thread>

#include "common/ids.hpp"
#include "common/unique_fd.hpp"

namespace troop::agents {
namespace asio = boost::asio;
namespace {

using asio::ip::tcp;

/// ready, silent (connected, no answer yet) or refused; never ends by itself when the server stays silent.
asio::awaitable<AmqpAnswer> converse(tcp::socket& socket, tcp::endpoint server) {
  constexpr auto quietly = asio::as_tuple(asio::use_awaitable);
  const auto [refused] = co_await socket.async_connect(server, quietly);
  if (refused) co_return AmqpAnswer::refused;
  static constexpr std::array<char, 8> header{'A', 'M', 'Q', 'P', 0, 0, 9, 1};
  const auto [unsent, sent] = co_await asio::async_write(socket, asio::buffer(header), quietly);
  if (unsent) co_return AmqpAnswer::refused;
  char first = 0;
  const auto [failed, got] = co_await asio::async_read(socket, asio::buffer(&first, 1), quietly);
  co_return !failed && first == 1 ? AmqpAnswer::ready : AmqpAnswer::refused;
}

asio::awaitable<void> expire(Duration timeout) {
  asio::steady_timer timer{co_await asio::this_coro::executor, timeout};
  (void)co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
}

/// A TCP socket of that network namespace, or -1. Threads have a namespace each: this one is not moved.
int socket_in(int netns) {
  int fd = -1;
  std::jthread{[&] {
    if (setns(netns, CLONE_NEWNET) == 0) fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  }}.join();
  return fd;
}

}  // namespace

bool port_is_free(std::uint16_t port) {
  const UniqueFd fd{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  const int on = 1;  // connections of a server that just went, in TIME_WAIT, do not count
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 && listen(fd.get(), 1) == 0;
}

Result<std::uint16_t> pick_port() {
  std::ifstream range{"/proc/sys/net/ipv4/ip_local_port_range"};
  std::uint64_t first_outgoing = 32768;
  range >> first_outgoing;
  constexpr std::uint64_t lowest = 10240;
  const std::uint64_t end = first_outgoing > lowest + 1000 ? first_outgoing : 32768;
  Random random{fresh_seed()};  // not the run's seed: runs side by side must not pick alike
  for (int attempt = 0; attempt < 200; ++attempt) {
    const auto port = static_cast<std::uint16_t>(lowest + random.below(end - lowest));
    if (port_is_free(port)) return port;
  }
  return Error{ErrorKind::usage, "no free port between " + std::to_string(lowest) + " and " + std::to_string(end)};
}

asio::awaitable<AmqpAnswer> ask_amqp(std::uint16_t port, Duration timeout) {
  return ask_amqp("127.0.0.1", port, timeout);
}

asio::awaitable<AmqpAnswer> ask_amqp(std::string address, std::uint16_t port, Duration timeout, int netns) {
  using namespace asio::experimental::awaitable_operators;
  boost::system::error_code wrong;
  const auto host = asio::ip::make_address_v4(address, wrong);
  if (wrong) co_return AmqpAnswer::refused;
  tcp::socket socket{co_await asio::this_coro::executor};
  if (netns >= 0) socket.assign(tcp::v4(), socket_in(netns), wrong);
  if (wrong) co_return AmqpAnswer::refused;
  const auto outcome = co_await (converse(socket, tcp::endpoint{host, port}) || expire(timeout));
  co_return outcome.index() == 0 ? std::get<0>(outcome) : AmqpAnswer::silent;
}

}  // namespace troop::agents
