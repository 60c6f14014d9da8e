// How fast the workers are, at saturation and on a real broker:
//   workload.recording_cost    with recording / without, same workers, same settings
//   workload.against_bare      with recording / a bare rabbitmq-c loop of the same window, prefetch, size and acks
//   workload.against_bare_4x4  the same with four producers and four consumers on each side
//   workload.cpu_per_million   seconds of CPU that the workers used for a million messages; beside it the bare loop's,
//                              and the broker's while it served the ones and the others (_4x4 as well)
// Both sides run all the time on one broker, but take turns: one is stopped (SIGSTOP) while the other works for a
// quarter of a second, A B B A …, so that whatever else the machine does meanwhile meets both. A rate's value is the
// median of the ratios of neighbouring turns, counted in messages published, confirmed, delivered and acknowledged. It
// tells how much of the machine other programs took meanwhile: beyond a tenth, measure again.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "common/clock.hpp"
#include "tests/bench/workload_sides.hpp"

namespace {

using namespace troop;
using bench::BareLoops;
using bench::give_up;
using bench::Side;
using bench::Workers;
using test::PrivateBroker;

/// Of the bare loop's CPU. Recording is paid for by sending many frames at once, where the bare loop sends one: with
/// one worker of each kind half of its CPU was measured, with four, whose batches are smaller, three quarters. More
/// than all of it would be waste.
constexpr double cpu_goal = 1.0;

struct Options {
  bool json = false;
  int pairs = 60;
  std::int64_t turn_ms = 250;
};

/// What one side did in its turns.
struct Work {
  std::vector<double> rates;  ///< Messages per second of each turn.
  double messages = 0;
  double cpu = 0;         ///< Seconds; its own processes.
  double broker_cpu = 0;  ///< Seconds, while it had its turns.
  [[nodiscard]] double cpu_per_million() const { return cpu / std::max(messages, 1.0) * 1e6; }
  [[nodiscard]] double broker_cpu_per_million() const { return broker_cpu / std::max(messages, 1.0) * 1e6; }
};

class Comparison {
 public:
  Comparison(const Options& options, PrivateBroker& broker, Side& ours, Side& theirs)
      : options_(options), broker_(broker.managed().process().pid()), ours_(ours), theirs_(theirs) {
    warm_up(ours_);
    warm_up(theirs_);
    const auto machine = bench::MachineTime::now();
    const double known = cpu_of_all();
    for (int pair = 0; pair < options_.pairs; ++pair) {
      if (pair % 2 == 0) turn(ours_, mine_);
      turn(theirs_, other_);
      if (pair % 2 == 1) turn(ours_, mine_);
      // A turn without any message is the broker's or the machine's doing; the median bears it.
      ratios_.push_back(std::max(mine_.rates.back(), 1.0) / std::max(other_.rates.back(), 1.0));
    }
    const auto after = bench::MachineTime::now();
    others_ = (after.busy - machine.busy - cpu_of_all() + known) / std::max(after.all - machine.all, 1.0);
    if (median(mine_.rates) <= 0 || median(other_.rates) <= 0) give_up("the workers stand still");
  }

  /// True: it holds.
  [[nodiscard]] bool show_rate(const std::string& name, const std::string& what) const {
    constexpr double goal = 0.95;
    const double value = median(ratios_);
    const bool holds = value >= goal;
    if (options_.json) {
      fmt::print(
          "{{\"bench\":\"{}\",\"value\":{:.4f},\"unit\":\"ratio\",\"goal\":{},\"holds\":{},\"pairs\":{},"
          "\"rate\":{:.0f},\"reference_rate\":{:.0f},\"others\":{:.2f}}}\n",
          name, value, goal, holds, options_.pairs, median(mine_.rates), median(other_.rates), others_);
    } else {
      fmt::print(
          "{}: {:.3f} of {}, {:.0f} against {:.0f} messages/s (goal {}): {}; other programs took {:.0f} % of the "
          "machine\n",
          name, value, what, median(mine_.rates), median(other_.rates), goal, holds ? "holds" : "missed",
          others_ * 100);
    }
    std::fflush(stdout);
    return holds;
  }

  [[nodiscard]] bool show_cpu(const std::string& name, double goal) const {
    const double value = mine_.cpu_per_million();
    const double reference = other_.cpu_per_million();
    const bool holds = value <= goal * reference;
    if (options_.json) {
      fmt::print(
          "{{\"bench\":\"{}\",\"value\":{:.3f},\"unit\":\"s\",\"goal\":{:.3f},\"holds\":{},\"reference\":{:.3f},"
          "\"broker\":{:.3f},\"reference_broker\":{:.3f}}}\n",
          name, value, goal * reference, holds, reference, mine_.broker_cpu_per_million(),
          other_.broker_cpu_per_million());
    } else {
      fmt::print(
          "{}: {:.2f} s of CPU for a million messages, the bare loop {:.2f} s (goal: at most {} of it): {}; the broker "
          "{:.2f} s and {:.2f} s\n",
          name, value, reference, goal, holds ? "holds" : "missed", mine_.broker_cpu_per_million(),
          other_.broker_cpu_per_million());
    }
    std::fflush(stdout);
    return holds;
  }

 private:
  /// Lets `side` work for its turn, and then the broker settle.
  void turn(Side& side, Work& work) {
    const double cpu = side.cpu();
    const double broker_cpu = bench::cpu_seconds(broker_);
    const std::uint64_t before = side.settled();
    const std::int64_t begin = monotonic_ns();
    side.signal(SIGCONT);
    while (monotonic_ns() - begin < options_.turn_ms * 1'000'000) {
      ours_.step();
      theirs_.step();
      usleep(1000);
    }
    const std::uint64_t after = side.settled();
    const std::int64_t end = monotonic_ns();
    side.signal(SIGSTOP);
    usleep(30'000);
    work.rates.push_back(static_cast<double>(after - before) / (static_cast<double>(end - begin) / 1e9));
    work.messages += static_cast<double>(side.settled() - before);
    work.cpu += side.cpu() - cpu;
    work.broker_cpu += bench::cpu_seconds(broker_) - broker_cpu;
  }

  [[nodiscard]] double cpu_of_all() const {
    return ours_.cpu() + theirs_.cpu() + bench::cpu_seconds(broker_) + bench::cpu_seconds(getpid());
  }

  /// Until it has begun to work; then it is stopped.
  static void warm_up(Side& side) {
    const std::int64_t limit = monotonic_ns() + 30'000'000'000;
    while (side.settled() < 5000 * side.processes().size()) {
      if (monotonic_ns() > limit) give_up("the workers do not start");
      side.step();
      usleep(1000);
    }
    side.signal(SIGSTOP);
    usleep(30'000);
  }

  static double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    const std::size_t half = values.size() / 2;
    return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
  }

  const Options& options_;
  pid_t broker_;
  Side& ours_;
  Side& theirs_;
  Work mine_;
  Work other_;
  std::vector<double> ratios_;
  double others_ = 0;  ///< The share of the processors' time that neither side, nor the broker, nor this program had.
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--json") {
      options.json = true;
    } else if (argument == "--pairs" && i + 1 < argc) {
      options.pairs = std::max(1, std::atoi(argv[++i]));
    } else if (argument == "--turn-ms" && i + 1 < argc) {
      options.turn_ms = std::max(10, std::atoi(argv[++i]));
    } else {
      fmt::print(stderr, "usage: bench_workload [--json] [--pairs N] [--turn-ms N]\n");
      std::exit(2);
    }
  }
  return options;
}

bool recording_cost(const Options& options, PrivateBroker& broker) {
  Workers recording{broker, "bench.recording", 1, true};
  Workers silent{broker, "bench.silent", 1, false};
  return Comparison{options, broker, recording, silent}.show_rate("workload.recording_cost",
                                                                  "the rate without recording");
}

/// `suffix` of the names.
bool against_bare(const Options& options, PrivateBroker& broker, int pairs, const std::string& suffix) {
  Workers workers{broker, fmt::format("bench.workers.{}", pairs), pairs, true};
  BareLoops bare{broker, fmt::format("bench.bare.{}", pairs), pairs};
  const Comparison comparison{options, broker, workers, bare};
  const bool fast = comparison.show_rate("workload.against_bare" + suffix, "a bare rabbitmq-c loop");
  const bool frugal = comparison.show_cpu("workload.cpu_per_million" + suffix, cpu_goal);
  return fast && frugal;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  auto started = PrivateBroker::start();
  if (!started) give_up(started.error().context);
  PrivateBroker& broker = *started.value();
  const bool cheap = recording_cost(options, broker);
  const bool fast = against_bare(options, broker, 1, "");
  const bool fast_together = against_bare(options, broker, 4, "_4x4");
  return cheap && fast && fast_together ? 0 : 1;
}
