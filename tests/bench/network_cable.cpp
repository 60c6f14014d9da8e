// How fast latency is across a cable (veth) between two networks, what it does when a flood comes (every packet is
// delayed, or reported as not delayed, or dropped and counted by the kernel), and how exact a limited rate is.
//
//   bench_network_cable [--json]          needs root
#include <fcntl.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cmath>
#include <cstring>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>

#include "agents/host/packet_filter.hpp"
#include "agents/host/shaping.hpp"
#include "tests/bench/network_figures.hpp"
#include "tests/support/made_hosts.hpp"
#include "tests/support/private_network.hpp"
#include "tests/support/veth_pair.hpp"

namespace {

using namespace troop;
using namespace troop::bench;
using troop::test::VethPair;

constexpr std::uint16_t flood_port = 7001;
constexpr std::size_t payload_bytes = 64, batch = 64;
constexpr double rate_goal = 20'000;  // packets a second
constexpr int senders = 4;            // more than the processors that there are to read

/// At most so many packets of each sender, and for so long.
struct Flood {
  std::string name;
  Duration delay, time;
  std::uint64_t packets;
};

boost::asio::ip::udp::endpoint at(const char* address, std::uint16_t port) {
  return {boost::asio::ip::make_address(address), port};
}

UniqueFd bound(const boost::asio::ip::udp::endpoint& here) {
  UniqueFd fd{socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  const int bytes = 64 << 20;
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
  if (bind(fd.get(), here.data(), static_cast<socklen_t>(here.size())) != 0) fd.reset();
  return fd;
}

/// Sends as fast as it can, from where the calling thread is. Each packet says when.
std::uint64_t send(const Flood& flood) {
  const UniqueFd fd = bound(at(VethPair::far_address, 0));
  const auto there = at(VethPair::near_address, flood_port);
  if (connect(fd.get(), there.data(), static_cast<socklen_t>(there.size())) != 0) return 0;
  std::array<char, payload_bytes> payload{};
  iovec part{payload.data(), payload.size()};
  std::array<mmsghdr, batch> messages{};
  for (auto& message : messages) {
    message.msg_hdr.msg_iov = &part;
    message.msg_hdr.msg_iovlen = 1;
  }
  std::uint64_t sent = 0;
  const std::int64_t end = monotonic_ns() + flood.time.count();
  for (std::int64_t now = monotonic_ns(); now < end && sent < flood.packets; now = monotonic_ns()) {
    std::memcpy(payload.data(), &now, sizeof now);
    const int count = sendmmsg(fd.get(), messages.data(), batch, 0);
    if (count > 0) sent += static_cast<std::uint64_t>(count);
  }
  return sent;
}

struct Received {
  std::uint64_t all = 0, early = 0;  ///< early: it can not have been held.
};
/// Until nothing has come for longer than the delay.
Received receive(const UniqueFd& fd, Duration delay, const std::atomic<bool>& over) {
  std::array<std::array<char, payload_bytes>, batch> payloads;
  std::array<iovec, batch> parts;
  std::array<mmsghdr, batch> messages{};
  for (std::size_t i = 0; i < batch; ++i) {
    parts[i] = {payloads[i].data(), payload_bytes};
    messages[i].msg_hdr.msg_iov = &parts[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  Received received;
  std::int64_t last = monotonic_ns();
  while (true) {
    pollfd waiting{fd.get(), POLLIN, 0};
    (void)poll(&waiting, 1, 100);
    if (over && monotonic_ns() - last > (delay + 500ms).count()) return received;
    const int count = recvmmsg(fd.get(), messages.data(), batch, MSG_DONTWAIT, nullptr);
    const std::int64_t now = monotonic_ns();
    if (count > 0) last = now;
    for (int i = 0; i < count; ++i) {
      std::int64_t sent = 0;
      std::memcpy(&sent, payloads[static_cast<std::size_t>(i)].data(), sizeof sent);
      ++received.all;
      if (now - sent < delay.count()) ++received.early;
    }
  }
}

/// What this thread's network says of UDP (/proc/net/snmp): by the names of the columns.
std::map<std::string, std::uint64_t> udp_counters() {
  std::ifstream file{"/proc/thread-self/net/snmp"};
  std::string names, values;
  while (std::getline(file, names) && std::getline(file, values)) {
    if (!names.starts_with("Udp:")) continue;
    std::istringstream columns{names.substr(4)}, numbers{values.substr(4)};
    std::map<std::string, std::uint64_t> counters;
    std::string column;
    for (std::uint64_t number = 0; columns >> column && numbers >> number;) counters[column] = number;
    return counters;
  }
  return {};
}

/// Packets that came over the cable and were dropped since the processor was busy (/proc/net/dev).
std::uint64_t dropped_on_arrival() {
  std::ifstream file{"/proc/thread-self/net/dev"};
  for (std::string line; std::getline(file, line);) {
    const auto colon = line.find(':');
    if (colon == std::string::npos || line.find(VethPair::near_name) > colon) continue;
    std::istringstream numbers{line.substr(colon + 1)};
    std::uint64_t bytes = 0, packets = 0, errors = 0, dropped = 0;
    numbers >> bytes >> packets >> errors >> dropped;
    return dropped;
  }
  return 0;
}

/// What came to UDP has passed the queue: it was taken, or dropped there since the receiver was too slow.
struct Counted {
  std::uint64_t passed = 0, dropped = 0;
};
Counted counted() {
  auto udp = udp_counters();
  return {.passed = udp["InDatagrams"] + udp["InErrors"], .dropped = udp["InErrors"] + dropped_on_arrival()};
}

void bench_flood(const VethPair& cable, const Flood& flood) {
  const UniqueFd here = bound(at(VethPair::near_address, flood_port));
  auto delay = PacketDelay::start(
      {.traffic = {.peers = {boost::asio::ip::make_address(VethPair::far_address)}}, .delay = flood.delay}, 60s);
  if (!here || delay.has_error()) {
    fmt::print(stderr, "bench_network_cable: the flood cannot begin\n");
    all_hold = false;
    return;
  }
  const Counted before = counted();
  std::atomic<bool> over = false;
  Received received;
  std::jthread receiver{[&] { received = receive(here, flood.delay, over); }};
  std::atomic<std::uint64_t> sent = 0;
  const std::int64_t begin = monotonic_ns();
  std::vector<std::jthread> floods;
  for (int i = 0; i < senders; ++i) {
    floods.emplace_back([&] {
      if (!agents::enter(cable.far()).has_error()) sent += send(flood);
    });
  }
  floods.clear();
  const double seconds = static_cast<double>(monotonic_ns() - begin) / 1e9;
  over = true;
  receiver.join();

  const auto held = delay.value().measured();
  const bool survived = held.has_value() && delay.value().renew().has_value() && delay.value().stop().has_value();
  const auto delayed = held.has_value() ? held.value() : agents::Delayed{};
  const Counted after = counted();
  const std::uint64_t passed = after.passed - before.passed, dropped = after.dropped - before.dropped;
  const std::uint64_t told = delayed.packets + delayed.unheld;
  if (!json) {
    fmt::print(
        "{}: {} sent in {:.1f} s, {} came, {} of them early; {} were held, {} told as not; {} counted as dropped\n",
        flood.name, sent.load(), seconds, received.all, received.early, delayed.packets, delayed.unheld, dropped);
  }
  const auto beyond = [](std::uint64_t one, std::uint64_t other) {
    return static_cast<double>(one > other ? one - other : 0);
  };
  const double rate = static_cast<double>(sent) / seconds;
  report(flood.name + "_rate", rate, "packets/s", rate_goal, survived && rate >= rate_goal, 0);
  const double unreported = std::max(beyond(received.early, delayed.unheld), beyond(passed, told));
  report(flood.name + "_unreported", unreported, "packets", 0, told > 0 && unreported == 0, 0);
  const double missing = beyond(sent, received.all + dropped);
  report(flood.name + "_missing", missing, "packets", 0, sent > 0 && missing == 0, 0);
}

/// One TCP connection from the other network, through a class of that rate there. Of a full frame of 1514 bytes, which
/// the kernel counts, TCP has 1448 for its data.
void bench_rate(const Path& path, double mbit) {
  std::vector<double> rates;
  const auto counted = static_cast<std::uint64_t>(mbit * 1e6 / 8);
  for (int round = 0; round < 3; ++round) {
    const std::vector<boost::asio::ip::address> peers{boost::asio::ip::make_address(path.here)};
    Result<agents::Shaping> shaping = Error{ErrorKind::lost, "the other network cannot be entered"};
    std::optional<agents::PacketFilter> filter;
    const auto start = [&]() -> Result<void> {
      BOOST_OUTCOME_TRY(shaping, agents::plan_shaping(peers));
      BOOST_OUTCOME_TRY(agents::shape(shaping.value(), counted));
      agents::StopRule rule{.traffic = {.peers = peers, .direction = agents::Direction::out},
                            .how = agents::Stop::classify,
                            .priority = shaping.value().priority()};
      BOOST_OUTCOME_TRY(filter, agents::PacketFilter::start(std::move(rule), 60s));
      return success();
    };
    Result<void> done = success();
    (void)test::within(path.peers_netns, [&] { done = start(); });
    if (done) rates.push_back(throughput(path) * 1000 * 1514 / 1448);
    (void)test::within(path.peers_netns, [&] {
      filter.reset();
      if (shaping && done) done = agents::unshape(shaping.value());
    });
    if (done.has_error()) {
      fmt::print(stderr, "bench_network_cable: {}\n", done.error().context);
      all_hold = false;
      return;
    }
  }
  report(fmt::format("{}rate_{:g}mbit", path.name, mbit), median(rates), "Mbit/s", mbit,
         std::abs(median(rates) / mbit - 1) <= 0.05, 0);
}

}  // namespace

int main(int argc, char** argv) {
  json = argc > 1 && std::string_view{argv[1]} == "--json";
  const troop::test::PrivateNetwork network;
  std::optional<VethPair> cable;
  if (network.why_not().empty()) cable.emplace();
  if (!cable || !cable->why_not().empty()) {
    fmt::print(stderr, "bench_network_cable: {}\n", cable ? cable->why_not() : network.why_not());
    return 1;
  }
  const Path path{
      .name = "cable_", .here = VethPair::near_address, .peer = VethPair::far_address, .peers_netns = cable->far()};
  bench_throughput(path, 1us, 0, 0.6);
  bench_throughput(path, 10ms, 2, 0);
  for (const double mbit : {10.0, 100.0, 1000.0}) bench_rate(path, mbit);
  bench_flood(*cable, {.name = "flood_10ms", .delay = 10ms, .time = 3s, .packets = 1'000'000});
  // More than the queue holds: the rest is not delayed.
  bench_flood(*cable, {.name = "flood_10s", .delay = 10s, .time = 8s, .packets = 75'000});
  return all_hold ? 0 : 1;
}
