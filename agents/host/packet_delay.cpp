#include "agents/host/packet_delay.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <deque>
#include <numbers>

namespace troop::agents {
namespace {

constexpr double jitters_max = 10;

/// Of mean 0; of standard deviation 1, but for uniform, which is within [-1, 1).
double deviation(Spread spread, Random& random) {
  const double unit = random.unit();
  switch (spread) {
    case Spread::uniform:
      return 2 * unit - 1;
    case Spread::normal:  // Box and Muller, "A Note on the Generation of Random Normal Deviates", 1958
      return std::sqrt(-2 * std::log(1 - unit)) * std::cos(2 * std::numbers::pi * random.unit());
    case Spread::pareto: {  // of shape 3 and scale 1: mean 3/2, variance 3/4
      const double value = std::pow(1 - unit, -1.0 / 3);
      return (value - 1.5) / std::sqrt(0.75);
    }
  }
  return 0;
}

Duration longest(const DelayRule& rule) {
  return rule.delay + (rule.spread == Spread::uniform ? rule.jitter : rule.jitter * static_cast<int>(jitters_max));
}

std::string milliseconds(Duration duration) {
  return fmt::format("{:g} ms", std::chrono::duration<double, std::milli>(duration).count());
}

}  // namespace

Duration next_delay(const DelayRule& rule, Random& random) {
  if (rule.jitter == Duration{0}) return rule.delay;
  const double jitters = std::min(deviation(rule.spread, random), jitters_max);
  const auto moved = rule.delay + Duration{std::llround(static_cast<double>(rule.jitter.count()) * jitters)};
  return std::max(moved, Duration{0});
}

Result<void> feasible(const DelayRule& rule) {
  if (rule.delay <= Duration{0} || rule.jitter < Duration{0}) {
    return usage_error("a delay of " + milliseconds(rule.delay) + " ± " + milliseconds(rule.jitter));
  }
  constexpr auto most = std::chrono::seconds{PacketQueue::length_max / DelayRule::packets_per_second_min};
  if (longest(rule) > most) {
    return usage_error(fmt::format(
        "a delay of up to {} is beyond the queue: it holds {} packets, which is {} at {} "
        "packets/s",
        milliseconds(longest(rule)), PacketQueue::length_max, milliseconds(most), DelayRule::packets_per_second_min));
  }
  return success();
}

struct PacketDelay::Holder : PacketHandler {
  explicit Holder(DelayRule asked) : rule(std::move(asked)), random(rule.seed) {}

  struct Packet {
    std::uint32_t number;
    std::int64_t arrived, due;
  };

  Result<void> take_in(PacketQueue&, std::span<const QueuedPacket> arrivals, std::int64_t now) override {
    for (const auto& packet : arrivals) {
      last_due = std::max(last_due, now + next_delay(rule, random).count());
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
  Random random;
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
