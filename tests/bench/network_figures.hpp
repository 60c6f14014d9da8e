// What the benches of the network faults share: how a figure is told, and how fast TCP is without a fault and with one.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "agents/host/namespaces.hpp"
#include "agents/host/packet_delay.hpp"

namespace troop::bench {

using namespace std::chrono_literals;
using agents::PacketDelay;

inline bool json = false;
inline bool all_hold = true;

inline void report(const std::string& name, double value, std::string_view unit, double goal, bool holds,
                   double floor) {
  if (json) {
    fmt::print(
        "{}\n",
        fmt::format(R"({{"bench":"network.{}","value":{:.4f},"unit":"{}","goal":{:g},"holds":{},"floor":{:.4f}}})",
                    name, value, unit, goal, holds, floor));
  } else {
    fmt::print("network.{}: {:.4f} {} (goal {:g}, {}; the floor {:.4f})\n", name, value, unit, goal,
               holds ? "holds" : "MISSED", floor);
  }
  all_hold = all_hold && holds;
}

inline double quantile(std::vector<double> values, double which) {
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1, static_cast<std::size_t>(static_cast<double>(values.size()) * which))];
}
inline double median(const std::vector<double>& values) { return quantile(values, 0.5); }

/// The peer's network is another one where it has a number.
struct Path {
  std::string name, here, peer;
  int peers_netns = -1;
};

/// Gbit/s of one TCP connection from the peer to here.
inline double throughput(const Path& path) {
  const boost::asio::ip::tcp::endpoint server{boost::asio::ip::make_address(path.here), 7000};
  const boost::asio::ip::tcp::endpoint client{boost::asio::ip::make_address(path.peer), 0};
  const UniqueFd listener{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  const int on = 1;
  setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener.get(), server.data(), static_cast<socklen_t>(server.size())) != 0) return 0;
  listen(listener.get(), 1);
  const std::jthread sender{[&](const std::stop_token& end) {
    if (path.peers_netns >= 0 && agents::enter(path.peers_netns).has_error()) return;
    const UniqueFd fd{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    (void)bind(fd.get(), client.data(), static_cast<socklen_t>(client.size()));
    if (connect(fd.get(), server.data(), static_cast<socklen_t>(server.size())) != 0) return;
    const std::vector<char> data(1 << 18);
    while (!end.stop_requested() && send(fd.get(), data.data(), data.size(), MSG_NOSIGNAL) > 0) {
    }
  }};
  const UniqueFd connection{accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC)};
  std::vector<char> data(1 << 20);
  std::int64_t begin = monotonic_ns(), bytes = 0;
  const std::int64_t warm = begin + Duration{1s}.count(), end = begin + Duration{4s}.count();
  for (bool counting = false; monotonic_ns() < end;) {
    const ssize_t got = recv(connection.get(), data.data(), data.size(), 0);
    if (got <= 0) return 0;
    if (counting) bytes += got;
    if (!counting && monotonic_ns() >= warm) {
      counting = true;
      begin = monotonic_ns();
    }
  }
  return static_cast<double>(bytes) * 8 / static_cast<double>(monotonic_ns() - begin);
}

/// The goal is an absolute one, and a share of what flows without a fault.
inline void bench_throughput(const Path& path, Duration delay, double goal_gbit, double goal_share) {
  std::vector<double> plain, slowed;
  for (int round = 0; round < 3; ++round) {
    plain.push_back(throughput(path));
    auto held =
        PacketDelay::start({.traffic = {.peers = {boost::asio::ip::make_address(path.peer)}}, .delay = delay}, 60s);
    if (held.has_error()) {
      fmt::print(stderr, "bench_network: {}\n", held.error().context);
      all_hold = false;
      return;
    }
    slowed.push_back(throughput(path));
  }
  const double goal = std::max(goal_gbit, goal_share * median(plain));
  report(fmt::format("{}throughput_{:g}ms", path.name, static_cast<double>(delay.count()) / 1e6), median(slowed),
         "Gbit/s", goal, median(slowed) >= goal, median(plain));
}

}  // namespace troop::bench
