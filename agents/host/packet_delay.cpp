#include "agents/host/packet_delay.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <csignal>
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

/// The thread and what it works on. All of it is the thread's while that runs, but the atomic ones.
struct PacketDelay::Holder {
  Holder(DelayRule asked, PacketQueue opened, UniqueFd woken)
      : rule(std::move(asked)), random(rule.seed), queue(std::move(opened)), wake(std::move(woken)) {}

  void run(const std::stop_token& end) {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);  // the agent's signals are for its loop
    prctl(PR_SET_TIMERSLACK, 1UL);
    setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), -15);  // where it may; accuracy gains on a busy host
    while (!end.stop_requested() && take_in() && let_go(monotonic_ns())) wait();
    // What still comes, came before the rules dried up.
    while (take_in() && !waiting.empty() && let_go(INT64_MAX)) {
    }
    queue.close();  // so that nothing waits for a thread that is gone
    over = true;
  }

  struct Packet {
    std::uint32_t number;
    std::int64_t arrived, due;
  };

  bool take_in() {
    arrivals.clear();
    if (queue.receive(arrivals).has_error()) return false;
    received += arrivals.size();
    const std::int64_t now = monotonic_ns();
    for (const auto number : arrivals) {
      last_due = std::max(last_due, now + next_delay(rule, random).count());
      waiting.push_back({number, now, last_due});
    }
    return true;
  }

  bool let_go(std::int64_t until) {
    std::uint64_t count = 0;
    std::int64_t sum = 0, most = longest_ns;
    const std::int64_t now = monotonic_ns();
    std::uint32_t last = 0;
    for (; !waiting.empty() && waiting.front().due <= until; waiting.pop_front(), ++count) {
      last = waiting.front().number;
      sum += now - waiting.front().arrived;
      most = std::max(most, now - waiting.front().arrived);
    }
    if (count == 0) return true;
    if (queue.release_until(last).has_error()) return false;
    packets += count;
    sum_ns += sum;
    longest_ns = most;
    return true;
  }

  void wait() const {
    pollfd events[] = {{queue.fd(), POLLIN, 0}, {wake.get(), POLLIN, 0}};
    timespec left{};
    if (!waiting.empty()) {
      const std::int64_t ns = std::max<std::int64_t>(waiting.front().due - monotonic_ns(), 0);
      left = {.tv_sec = ns / 1'000'000'000, .tv_nsec = ns % 1'000'000'000};
    }
    ppoll(events, 2, waiting.empty() ? nullptr : &left, nullptr);
  }

  const DelayRule rule;
  Random random;
  PacketQueue queue;
  UniqueFd wake;
  std::deque<Packet> waiting;
  std::vector<std::uint32_t> arrivals;
  std::int64_t last_due = 0;
  std::atomic<std::uint64_t> received = 0, packets = 0;
  std::atomic<std::int64_t> sum_ns = 0, longest_ns = 0;
  std::atomic<bool> over = false;  ///< The queue failed, or it was stopped: packets flow unheld.
  std::jthread thread;
};

PacketDelay::PacketDelay(std::unique_ptr<Holder> holder, QueueTable table, Expiry expiry)
    : holder_(std::move(holder)), table_(std::move(table)), expiry_(expiry) {}

PacketDelay::PacketDelay(PacketDelay&& other) noexcept = default;

Result<PacketDelay> PacketDelay::start(DelayRule rule, Duration timeout) {
  BOOST_OUTCOME_TRY(feasible(rule));
  if (timeout <= Expiry::tick_max) return usage_error("a delay that ends at once");
  BOOST_OUTCOME_TRY(auto queue, PacketQueue::open());
  UniqueFd wake{eventfd(0, EFD_CLOEXEC)};
  if (!wake) return system_error(ErrorKind::usage, "eventfd", errno);
  const std::uint16_t number = queue.number();
  auto traffic = rule.traffic;
  auto holder = std::make_unique<Holder>(std::move(rule), std::move(queue), std::move(wake));
  Expiry expiry{timeout};
  expiry.renewed(boottime_ns());
  BOOST_OUTCOME_TRY(auto table, QueueTable::start(std::move(traffic), number, timeout));
  holder->thread = std::jthread{[&held = *holder](const std::stop_token& end) { held.run(end); }};
  return PacketDelay{std::move(holder), std::move(table), expiry};
}

PacketDelay::~PacketDelay() {
  if (holder_) (void)stop();
}

Result<void> PacketDelay::renew() {
  const std::int64_t asked = boottime_ns();
  if (holder_->over || expiry_.is_over(asked)) {
    return Error{ErrorKind::lost, "the delay " + table_.name() + " has ended"};
  }
  BOOST_OUTCOME_TRY(table_.renew());
  expiry_.renewed(asked);
  return success();
}

std::uint64_t PacketDelay::released() const { return holder_->packets; }

Result<Held> PacketDelay::measured() const {
  BOOST_OUTCOME_TRY(const auto met, table_.met());
  Held held{.packets = holder_->packets, .longest = Duration{holder_->longest_ns}};
  if (held.packets > 0) held.mean = Duration{holder_->sum_ns / static_cast<std::int64_t>(held.packets)};
  const std::uint64_t seen = holder_->received;
  held.unheld = met > seen ? met - seen : 0;
  return held;
}

Result<void> PacketDelay::stop() {
  if (holder_->thread.joinable()) (void)table_.dry_up();  // else what is held would be lost
  if (holder_->thread.joinable()) {
    holder_->thread.request_stop();
    (void)eventfd_write(holder_->wake.get(), 1);
    holder_->thread.join();
  }
  return table_.stop();
}

}  // namespace troop::agents
