// How exact and how fast the back ends of the network faults are, in a network namespace of their own. The floor of a
// delay is a timer and a packet without a fault in the same run; that of throughput is loopback without a fault.
//
//   bench_network [--json]          needs root
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <optional>
#include <string_view>
#include <thread>
#include <vector>

#include "agents/host/packet_alteration.hpp"
#include "agents/host/packet_delay.hpp"
#include "agents/host/packet_filter.hpp"
#include "tests/bench/network_figures.hpp"
#include "tests/support/private_network.hpp"

namespace {

using namespace troop;
using namespace troop::agents;
using namespace troop::bench;
using namespace std::chrono_literals;
using troop::test::Datagrams;

constexpr const char* here_address = "127.0.0.1";
constexpr const char* peer_address = "127.0.0.2";
constexpr int packets = 1000;
constexpr Duration spacing = 1ms;

void sleep_until(std::int64_t deadline) {
  while (true) {
    const std::int64_t left = deadline - monotonic_ns();
    if (left <= 0) return;
    const timespec time{.tv_sec = left / 1'000'000'000, .tv_nsec = left % 1'000'000'000};
    ppoll(nullptr, 0, &time, nullptr);
  }
}

enum class Since { due, sent };

/// Milliseconds from when each packet was due to be sent, or was sent by the peer, until it is here.
std::vector<double> travel(Since since) {
  const Datagrams here{here_address}, peer{peer_address};
  std::vector<std::int64_t> begins(packets);
  const std::jthread sender{[&] {
    prctl(PR_SET_TIMERSLACK, 1UL);
    const std::int64_t begin = monotonic_ns();
    for (int i = 0; i < packets; ++i) {
      const std::int64_t due = begin + i * spacing.count();
      sleep_until(due);
      begins[static_cast<std::size_t>(i)] = since == Since::due ? due : monotonic_ns();
      peer.send(here);
    }
  }};
  std::vector<std::int64_t> came;
  while (came.size() < packets && here.receive()) came.push_back(monotonic_ns());
  std::vector<double> took;  // in their order, and none is lost
  for (std::size_t i = 0; i < came.size(); ++i) took.push_back(static_cast<double>(came[i] - begins[i]) / 1e6);
  return took;
}

void bench_accuracy(Duration delay) {
  const double asked = static_cast<double>(delay.count()) / 1e6;
  std::vector<double> medians, p99s, timer_medians, timer_p99s;
  for (int round = 0; round < 5; ++round) {
    const auto late = travel(Since::due);
    auto held =
        PacketDelay::start({.traffic = {.peers = {boost::asio::ip::make_address(peer_address)}}, .delay = delay}, 60s);
    if (held.has_error()) {
      fmt::print(stderr, "bench_network: {}\n", held.error().context);
      all_hold = false;
      return;
    }
    auto took = travel(Since::sent);
    if (took.size() != packets || late.size() != packets) {
      fmt::print(stderr, "bench_network: {} packets of {} came\n", took.size(), packets);
      all_hold = false;
      return;
    }
    for (auto& each : took) each -= asked;
    medians.push_back(median(took));
    p99s.push_back(quantile(took, 0.99));
    timer_medians.push_back(median(late));
    timer_p99s.push_back(quantile(late, 0.99));
  }
  const auto name = fmt::format("delay_{:g}ms", asked);
  report(name + "_error_median", median(medians), "ms", 0.2, std::abs(median(medians)) <= 0.2, median(timer_medians));
  report(name + "_error_p99", median(p99s), "ms", median(timer_p99s) + 1, median(p99s) <= median(timer_p99s) + 1,
         median(timer_p99s));
}

double milliseconds(const std::function<bool()>& work) {
  const std::int64_t begin = monotonic_ns();
  if (!work()) all_hold = false;
  return static_cast<double>(monotonic_ns() - begin) / 1e6;
}

/// Of datagrams to each of them, one each, how many arrive. They are all addresses of loopback.
std::size_t arrive(const std::vector<boost::asio::ip::address>& peers) {
  const Datagrams anywhere{"0.0.0.0"};
  const UniqueFd sender{socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  std::size_t came = 0;
  std::string any;
  for (const auto& peer : peers) {
    const boost::asio::ip::udp::endpoint there{peer, anywhere.port()};
    (void)sendto(sender.get(), "x", 1, 0, there.data(), static_cast<socklen_t>(there.size()));
    while (anywhere.receive(0, any)) ++came;  // loopback delivers within the call
  }
  while (anywhere.receive(50, any)) ++came;
  return came;
}

void bench_filter(unsigned pairs, double goal_ms) {
  std::vector<double> starts, renewals, stops;
  std::size_t sent = 0, through = 0, healed = 0;
  for (int round = 0; round < 5; ++round) {
    StopRule rule{.traffic = {.direction = Direction::out}};
    for (unsigned i = 0; i < pairs; ++i) rule.traffic.peers.emplace_back(boost::asio::ip::address_v4{0x7f100001 + i});
    const auto peers = rule.traffic.peers;
    std::optional<PacketFilter> filter;
    starts.push_back(milliseconds([&] {
      auto started = PacketFilter::start(rule, 60s);
      if (started) filter.emplace(std::move(started).value());
      return filter.has_value();
    }));
    if (!filter) return;
    sent += peers.size();
    through += arrive(peers);
    renewals.push_back(milliseconds([&] { return filter->renew().has_value(); }));
    through += arrive(peers);
    stops.push_back(milliseconds([&] { return filter->stop().has_value(); }));
    healed += arrive(peers);
  }
  report(fmt::format("cut_{}", pairs), median(starts), "ms", goal_ms, median(starts) <= goal_ms, 0);
  report(fmt::format("renew_{}", pairs), median(renewals), "ms", goal_ms, median(renewals) <= goal_ms, 0);
  report(fmt::format("heal_{}", pairs), median(stops), "ms", 500, median(stops) <= 500, 0);
  const auto share = [&](std::size_t part) { return 100 * static_cast<double>(part) / static_cast<double>(sent); };
  // Before and after a renewal; the floor: what is missing once it is healed.
  report(fmt::format("stopped_{}", pairs), 100 - share(through) / 2, "%", 100, through == 0 && healed == sent,
         100 - share(healed));
}

constexpr int share_packets = 10'000;
constexpr double share_percent = 20;

/// What came of share_packets packets from the peer, all numbered: how many, how many twice, how many behind a later
/// one.
struct Came {
  double all = 0, twice = 0, behind = 0;
};
Came send_many() {
  const Datagrams here{here_address}, peer{peer_address};
  std::jthread sender{[&] {
    for (int i = 0; i < share_packets; ++i) {
      if (i % 100 == 0) sleep_until(monotonic_ns() + Duration{1ms}.count());
      peer.send(here, std::to_string(i));
    }
  }};
  std::vector<bool> seen(share_packets);
  Came came;
  int furthest = -1;
  for (std::string text; here.receive(300, text); ++came.all) {
    const int number = std::clamp(std::atoi(text.c_str()), 0, share_packets - 1);
    came.twice += seen[static_cast<std::size_t>(number)];
    came.behind += number < furthest;
    seen[static_cast<std::size_t>(number)] = true;
    furthest = std::max(furthest, number);
  }
  return came;
}

/// The median of five rounds of share_packets packets; `hit`: how many of them were.
template <class Start>
void bench_share(const std::string& name, Start start, const std::function<double(const Came&)>& hit) {
  std::vector<double> shares;
  for (std::uint64_t round = 0; round < 5; ++round) {
    const auto fault = start(round);
    if (fault.has_error()) {
      fmt::print(stderr, "bench_network: {}\n", fault.error().context);
      all_hold = false;
      return;
    }
    shares.push_back(100 * hit(send_many()) / share_packets);
  }
  const double off = std::abs(median(shares) / share_percent - 1) * 100;
  report(name + "_share", median(shares), "%", share_percent, off <= 5, 0);
}

Traffic from_peer() { return {.peers = {boost::asio::ip::make_address(peer_address)}, .direction = Direction::in}; }

void bench_shares() {
  const auto alter = [](Alteration what) {
    return [what](std::uint64_t round) {
      return PacketAlteration::start(
          {.traffic = from_peer(), .what = what, .percent = share_percent, .delay = 20ms, .seed = round}, 60s);
    };
  };
  const auto lost = [](const Came& came) { return share_packets - came.all; };
  bench_share(
      "loss",
      [](std::uint64_t) {
        return PacketFilter::start({.traffic = from_peer(), .how = Stop::drop, .percent = share_percent}, 60s);
      },
      lost);
  bench_share("duplicate", alter(Alteration::duplicate), [](const Came& came) { return came.twice; });
  bench_share("corrupt", alter(Alteration::corrupt), lost);
  bench_share("reorder", alter(Alteration::reorder), [](const Came& came) { return came.behind; });
}

/// A delay of 5 ms ± 2 ms, uniform: half of the packets are within ± 1 ms. Order is kept, so that a packet is sent only
/// when the one before has come; several pairs at once make that bearable.
void bench_jitter() {
  constexpr int pairs = 4;
  constexpr Duration jitter = 2ms;
  std::vector<std::vector<double>> took(pairs);
  std::vector<std::optional<PacketDelay>> delays(pairs);
  std::vector<std::jthread> senders;
  for (std::size_t pair = 0; pair < pairs; ++pair) {
    const auto address = fmt::format("127.0.1.{}", pair + 1);
    auto held = PacketDelay::start({.traffic = {.peers = {boost::asio::ip::make_address(address)}},
                                    .delay = 5ms,
                                    .jitter = {.size = jitter},
                                    .seed = pair},
                                   120s);
    if (held.has_error()) {
      fmt::print(stderr, "bench_network: {}\n", held.error().context);
      all_hold = false;
      return;
    }
    delays[pair].emplace(std::move(held).value());
    senders.emplace_back([&out = took[pair], address] {
      prctl(PR_SET_TIMERSLACK, 1UL);
      const Datagrams here{here_address}, peer{address};
      for (int i = 0; i < share_packets / pairs; ++i) {
        const std::int64_t sent = monotonic_ns();
        peer.send(here);
        if (!here.receive()) return;
        out.push_back(static_cast<double>(monotonic_ns() - sent) / 1e6);
      }
    });
  }
  senders.clear();
  std::vector<double> all;
  for (const auto& each : took) all.insert(all.end(), each.begin(), each.end());
  const double asked = static_cast<double>(jitter.count()) / 1e6;
  const double middle_half = quantile(all, 0.75) - quantile(all, 0.25);
  report("jitter_middle_half", middle_half, "ms", asked,
         std::abs(middle_half / asked - 1) <= 0.05 && all.size() == share_packets, 0);
}

}  // namespace

int main(int argc, char** argv) {
  json = argc > 1 && std::string_view{argv[1]} == "--json";
  const troop::test::PrivateNetwork network;
  if (!network.why_not().empty()) {
    fmt::print(stderr, "bench_network: {}\n", network.why_not());
    return 1;
  }
  prctl(PR_SET_TIMERSLACK, 1UL);
  bench_filter(1, 10);
  bench_filter(10'000, 500);
  for (const Duration delay : {Duration{1ms}, Duration{10ms}, Duration{50ms}, Duration{200ms}}) bench_accuracy(delay);
  bench_shares();
  bench_jitter();
  const Path loopback{.name = "", .here = here_address, .peer = peer_address};
  bench_throughput(loopback, 1us, 0, 0.6);
  bench_throughput(loopback, 10ms, 2, 0);
  return all_hold ? 0 : 1;
}
