#include "agents/host/packet_delay.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <deque>

namespace troop::agents {
namespace {

std::string milliseconds(Duration duration) {
  return fmt::format("{:g} ms", std::chrono::duration<double, std::milli>(duration).count());
}

}  // namespace

Result<void> feasible(const DelayRule& rule) {
  if (rule.delay <= Duration{0} || rule.jitter.size < Duration{0}) {
    return usage_error("a delay of " + milliseconds(rule.delay) + " ± " + milliseconds(rule.jitter.size));
  }
  if (!(rule.jitter.correlation >= 0 && rule.jitter.correlation < 100)) {
    return usage_error(fmt::format("a correlation of {} %", rule.jitter.correlation));
  }
  constexpr auto most = std::chrono::seconds{PacketQueue::length_max / DelayRule::packets_per_second_min};
  const Duration held = longest(rule.delay, rule.jitter);
  if (held > most) {
    return usage_error(fmt::format(
        "a delay of up to {} is beyond the queue: it holds {} packets, which is {} at {} "
        "packets/s",
        milliseconds(held), PacketQueue::length_max, milliseconds(most), DelayRule::packets_per_second_min));
  }
  return success();
}

struct PacketDelay::Holder : PacketHandler {
  explicit Holder(DelayRule asked) : rule(std::move(asked)), deviations(rule.jitter, rule.seed) {}

  struct Packet {
    std::uint32_t number;
    std::int64_t arrived, due;
  };

  Result<void> take_in(PacketQueue&, std::span<const QueuedPacket> arrivals, std::int64_t now) override {
    for (const auto& packet : arrivals) {
      const Duration held = std::max(rule.delay + deviations.next(), Duration{0});
      last_due = std::max(last_due, now + held.count());
      waiting.push_back({packet.number, now, last_due});
    }
    return success();
  }

  Result<void> let_go(PacketQueue& queue, std::int64_t until) override {
    std::uint64_t count = 0;
    std::int64_t sum = 0, most = longest_ns;
    const std::int64_t now = monotonic_ns();
    std::uint32_t last = 0;
    for (; !waiting.empty() && waiting.front().due <= until; waiting.pop_front(), ++count) {
      last = waiting.front().number;
      sum += now - waiting.front().arrived;
      most = std::max(most, now - waiting.front().arrived);
    }
    if (count == 0) return success();
    BOOST_OUTCOME_TRY(queue.release_until(last));
    packets += count;
    sum_ns += sum;
    longest_ns = most;
    return success();
  }

  [[nodiscard]] std::int64_t next_due() const override { return waiting.empty() ? INT64_MAX : waiting.front().due; }

  const DelayRule rule;
  Deviations deviations;
  std::deque<Packet> waiting;
  std::int64_t last_due = 0;
  std::atomic<std::uint64_t> packets = 0;
  std::atomic<std::int64_t> sum_ns = 0, longest_ns = 0;
};

Result<PacketDelay> PacketDelay::start(DelayRule rule, Duration timeout) {
  BOOST_OUTCOME_TRY(feasible(rule));
  auto traffic = rule.traffic;
  auto holder = std::make_shared<Holder>(std::move(rule));
  BOOST_OUTCOME_TRY(auto diversion,
                    PacketDiversion::start(std::move(traffic), PacketQueue::Tell::numbers, holder, timeout));
  return PacketDelay{std::move(holder), std::move(diversion)};
}

std::uint64_t PacketDelay::released() const { return holder_->packets; }

Result<Delayed> PacketDelay::measured() const {
  BOOST_OUTCOME_TRY(const auto unheld, diversion_.unheld());
  Delayed held{.packets = holder_->packets, .longest = Duration{holder_->longest_ns}, .unheld = unheld};
  if (held.packets > 0) held.mean = Duration{holder_->sum_ns / static_cast<std::int64_t>(held.packets)};
  return held;
}

}  // namespace troop::agents
