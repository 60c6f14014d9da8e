// How fast the workers are, at saturation and on a real broker:
//   workload.recording_cost   with recording / without                 (same workers, same settings)
//   workload.against_bare     with recording / a bare rabbitmq-c loop  (same window, prefetch, size, one ack a message)
// Both sides run all the time on one broker, but take turns: one is stopped (SIGSTOP) while the other works for a
// quarter of a second, A B B A …, so that whatever else the machine does meanwhile meets both. The value is the median
// of the ratios of neighbouring turns, counted in messages published, confirmed, delivered and acknowledged.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "common/clock.hpp"
#include "tests/bench/bare_loop.hpp"
#include "tests/support/private_broker.hpp"
#include "tests/support/worker_process.hpp"

namespace {

using namespace troop;
using agents::WorkerConfig;
using test::PrivateBroker;
using test::WorkerProcess;

struct Options {
  bool json = false;
  int pairs = 60;
  std::int64_t turn_ms = 250;
};

model::Workload workload_named(const std::string& queue) {
  model::Workload workload;
  workload.queue.name = queue;
  workload.rate = 0;
  workload.producers = 1;
  workload.payload_bytes = 256;
  workload.publish.window = 500;
  workload.consume.prefetch = 100;
  return workload;
}

[[noreturn]] void give_up(const std::string& why) {
  fmt::print(stderr, "bench_workload: {}\n", why);
  std::exit(1);
}

/// A producer and a consumer that take turns with another pair of them.
class Side {
 public:
  virtual ~Side() = default;
  [[nodiscard]] virtual std::uint64_t settled() const = 0;
  [[nodiscard]] virtual std::vector<pid_t> processes() const = 0;
  /// What goes on beside them all the time.
  virtual void step() {}
  void signal(int number) const {
    for (const pid_t pid : processes()) kill(pid, number);
  }
};

class Workers final : public Side {
 public:
  Workers(PrivateBroker& broker, const std::string& queue, bool recording)
      : consumer_(start(WorkerConfig::Role::consumer, broker, queue, recording)),
        producer_(start(WorkerConfig::Role::producer, broker, queue, recording)) {}

  [[nodiscard]] std::uint64_t settled() const override { return consumer_.counters().settled.get(); }
  [[nodiscard]] std::vector<pid_t> processes() const override { return {consumer_.pid(), producer_.pid()}; }
  /// An agent copies the records out, and sends them on; the copy is part of the price.
  void step() override {
    sink_.clear();
    producer_.drain(sink_);
    consumer_.drain(sink_);
    if (producer_.exit_code() != -1 || consumer_.exit_code() != -1) give_up("a worker has ended");
  }

 private:
  static WorkerProcess start(WorkerConfig::Role role, PrivateBroker& broker, const std::string& queue, bool recording) {
    auto worker = WorkerProcess::start(worker_config(role, 1, workload_named(queue)), broker.address(), recording);
    if (!worker) give_up(worker.error().context);
    return std::move(worker.value());
  }

  WorkerProcess consumer_;
  WorkerProcess producer_;
  std::vector<protocol::Record> sink_;
};

class BareLoop final : public Side {
 public:
  BareLoop(PrivateBroker& broker, const std::string& queue) : counters_(bench::BareCounters::shared()) {
    const model::Workload workload = workload_named(queue);
    consumer_ = fork();
    if (consumer_ == 0) _exit(bench::bare_consumer(broker.address(), workload, counters_));
    producer_ = fork();
    if (producer_ == 0) _exit(bench::bare_producer(broker.address(), workload, counters_));
  }
  ~BareLoop() override {
    for (const pid_t pid : processes()) {
      kill(pid, SIGKILL);
      waitpid(pid, nullptr, 0);
    }
  }
  BareLoop(const BareLoop&) = delete;
  BareLoop& operator=(const BareLoop&) = delete;

  [[nodiscard]] std::uint64_t settled() const override { return counters_.settled.load(); }
  [[nodiscard]] std::vector<pid_t> processes() const override { return {consumer_, producer_}; }

 private:
  bench::BareCounters& counters_;
  pid_t consumer_ = -1;
  pid_t producer_ = -1;
};

/// Lets `side` work for `turn_ms`, and then the broker settle; messages per second.
double turn(Side& side, Side& other, std::int64_t turn_ms) {
  side.signal(SIGCONT);
  const std::int64_t begin = monotonic_ns();
  const std::uint64_t before = side.settled();
  while (monotonic_ns() - begin < turn_ms * 1'000'000) {
    side.step();
    other.step();
    usleep(1000);
  }
  const std::uint64_t after = side.settled();
  const std::int64_t end = monotonic_ns();
  side.signal(SIGSTOP);
  usleep(30'000);
  return static_cast<double>(after - before) / (static_cast<double>(end - begin) / 1e9);
}

/// Until it has begun to work; then it is stopped.
void warm_up(Side& side) {
  const std::int64_t limit = monotonic_ns() + 30'000'000'000;
  while (side.settled() < 5000) {
    if (monotonic_ns() > limit) give_up("the workers do not start");
    side.step();
    usleep(1000);
  }
  side.signal(SIGSTOP);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

bool compare(const Options& options, const std::string& name, Side& ours, const std::string& what, Side& theirs) {
  constexpr double goal = 0.95;
  warm_up(ours);
  warm_up(theirs);
  std::vector<double> ratios, our_rates, their_rates;
  for (int pair = 0; pair < options.pairs; ++pair) {
    double mine = 0;
    if (pair % 2 == 0) mine = turn(ours, theirs, options.turn_ms);
    const double other = turn(theirs, ours, options.turn_ms);
    if (pair % 2 == 1) mine = turn(ours, theirs, options.turn_ms);
    // A turn without any message is the broker's or the machine's doing; the median bears it.
    ratios.push_back(std::max(mine, 1.0) / std::max(other, 1.0));
    our_rates.push_back(mine);
    their_rates.push_back(other);
  }
  if (median(our_rates) <= 0 || median(their_rates) <= 0) give_up("the workers stand still");
  const double value = median(ratios);
  const bool holds = value >= goal;
  if (options.json) {
    fmt::print(
        "{{\"bench\":\"{}\",\"value\":{:.4f},\"unit\":\"ratio\",\"goal\":{},\"holds\":{},\"pairs\":{},\"rate\":{:.0f},"
        "\"reference_rate\":{:.0f}}}\n",
        name, value, goal, holds, options.pairs, median(our_rates), median(their_rates));
  } else {
    fmt::print("{}: {:.3f} of {}, {:.0f} against {:.0f} messages/s (goal {}): {}\n", name, value, what,
               median(our_rates), median(their_rates), goal, holds ? "holds" : "missed");
  }
  std::fflush(stdout);
  return holds;
}

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

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  auto started = PrivateBroker::start();
  if (!started) give_up(started.error().context);
  PrivateBroker& broker = *started.value();
  bool cheap = false;
  bool fast = false;
  {
    Workers recording{broker, "bench.recording", true};
    Workers silent{broker, "bench.silent", false};
    cheap = compare(options, "workload.recording_cost", recording, "the rate without recording", silent);
  }
  {
    Workers workers{broker, "bench.workers", true};
    BareLoop bare{broker, "bench.bare"};
    fast = compare(options, "workload.against_bare", workers, "a bare rabbitmq-c loop", bare);
  }
  return cheap && fast ? 0 : 1;
}
