// How fast the workers are, at saturation and on a real broker:
//   workload.recording_cost   with recording / without           (same workers, same settings)
//   workload.against_bare     with recording / a bare rabbitmq-c loop  (same window, prefetch, size, one ack a message)
// Each value is the median of the ratios of neighbouring runs in one program, A B A B …, so that a machine that gets
// slower or busier meanwhile moves both sides. A run publishes for some seconds; it ends when everything is confirmed
// and settled, and its rate counts from the first message settled.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "common/clock.hpp"
#include "tests/bench/bare_loop.hpp"
#include "tests/support/private_broker.hpp"
#include "tests/support/worker_process.hpp"

namespace {

using namespace troop;
using agents::WorkerCommand;
using agents::WorkerConfig;
using test::PrivateBroker;
using test::WorkerProcess;

struct Options {
  bool json = false;
  int pairs = 11;
  std::int64_t seconds = 2;
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

/// Counts from the first message settled until all are; `stop` ends the publishing after the time is up.
double measure(const Options& options, const std::function<std::uint64_t()>& settled,
               const std::function<std::uint64_t()>& confirmed, const std::function<bool()>& stop,
               const std::function<void()>& step) {
  const std::int64_t limit = monotonic_ns() + 120'000'000'000;
  const auto wait_until = [&](const std::function<bool()>& done) {
    while (!done()) {
      if (monotonic_ns() > limit) give_up("the workers stand still");
      step();
      usleep(1000);
    }
  };
  wait_until([&] { return settled() > 0; });
  const std::int64_t begin = monotonic_ns();
  const std::uint64_t before = settled();
  wait_until([&] { return monotonic_ns() - begin >= options.seconds * 1'000'000'000; });
  wait_until(stop);
  wait_until([&] { return settled() >= confirmed(); });
  return static_cast<double>(settled() - before) / (static_cast<double>(monotonic_ns() - begin) / 1e9);
}

double run_workers(const Options& options, PrivateBroker& broker, const std::string& queue, bool recording) {
  const model::Workload workload = workload_named(queue);
  auto consumer =
      WorkerProcess::start(worker_config(WorkerConfig::Role::consumer, 1, workload), broker.address(), recording);
  auto producer =
      WorkerProcess::start(worker_config(WorkerConfig::Role::producer, 1, workload), broker.address(), recording);
  if (!consumer || !producer) give_up("cannot start a worker");
  std::vector<protocol::Record> sink;
  bool asked = false;
  const double rate = measure(
      options, [&] { return consumer.value().counters().settled.get(); },
      [&] { return producer.value().counters().confirmed.get(); },
      [&] {
        if (!std::exchange(asked, true)) producer.value().ring().command(WorkerCommand::finish);
        return producer.value().exit_code() == 0;
      },
      [&] {
        // An agent copies the records out, and sends them on; the copy is part of the price.
        sink.clear();
        producer.value().drain(sink);
        consumer.value().drain(sink);
      });
  consumer.value().ring().command(WorkerCommand::finish);
  while (consumer.value().exit_code() == -1) {
    sink.clear();
    consumer.value().drain(sink);
    usleep(1000);
  }
  return rate;
}

double run_bare(const Options& options, PrivateBroker& broker, const std::string& queue) {
  const model::Workload workload = workload_named(queue);
  bench::BareCounters& counters = bench::BareCounters::shared();
  const pid_t consumer = fork();
  if (consumer == 0) _exit(bench::bare_consumer(broker.address(), workload, counters));
  const pid_t producer = fork();
  if (producer == 0) _exit(bench::bare_producer(broker.address(), workload, counters));
  const double rate = measure(
      options, [&] { return counters.settled.load(); }, [&] { return counters.confirmed.load(); },
      [&] {
        counters.stop = true;
        int status = 0;
        return waitpid(producer, &status, WNOHANG) == producer;
      },
      [] {});
  kill(consumer, SIGKILL);
  waitpid(consumer, nullptr, 0);
  munmap(&counters, sizeof counters);
  return rate;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

using Run = std::function<double(const std::string& queue)>;

bool compare(const Options& options, const std::string& name, const Run& ours, const std::string& what,
             const Run& theirs) {
  constexpr double goal = 0.95;
  std::vector<double> ratios, our_rates, their_rates;
  for (int pair = 0; pair < options.pairs; ++pair) {
    const std::string queue = fmt::format("{}.{}", name, pair);
    // Who goes first changes from pair to pair, so that neither always gets the warmer machine.
    double mine = 0;
    if (pair % 2 == 0) mine = ours(queue + ".a");
    const double other = theirs(queue + ".b");
    if (pair % 2 == 1) mine = ours(queue + ".a");
    ratios.push_back(mine / other);
    our_rates.push_back(mine);
    their_rates.push_back(other);
    if (!options.json)
      fmt::print("  pair {}: {:.0f}/s against {:.0f}/s, ratio {:.3f}\n", pair + 1, mine, other, mine / other);
    std::fflush(stdout);
  }
  const double value = median(ratios);
  const bool holds = value >= goal;
  if (options.json) {
    fmt::print(
        "{{\"bench\":\"{}\",\"value\":{:.4f},\"unit\":\"ratio\",\"goal\":{},\"holds\":{},\"pairs\":{},\"rate\":{:.0f},"
        "\"reference_rate\":{:.0f}}}\n",
        name, value, goal, holds, options.pairs, median(our_rates), median(their_rates));
  } else {
    fmt::print("{}: {:.3f} of {} (goal {}): {}\n", name, value, what, goal, holds ? "holds" : "missed");
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
    } else if (argument == "--seconds" && i + 1 < argc) {
      options.seconds = std::max(1, std::atoi(argv[++i]));
    } else {
      fmt::print(stderr, "usage: bench_workload [--json] [--pairs N] [--seconds N]\n");
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
  const Run recording = [&](const std::string& queue) { return run_workers(options, broker, queue, true); };
  const Run silent = [&](const std::string& queue) { return run_workers(options, broker, queue, false); };
  const Run bare = [&](const std::string& queue) { return run_bare(options, broker, queue); };
  const bool cheap = compare(options, "workload.recording_cost", recording, "the rate without recording", silent);
  const bool fast = compare(options, "workload.against_bare", recording, "a bare rabbitmq-c loop", bare);
  return cheap && fast ? 0 : 1;
}
