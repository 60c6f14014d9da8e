// The two sides that bench_workload compares: so many producers and as many consumers, each a process, on one queue.
#pragma once

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/bench/bare_loop.hpp"
#include "tests/support/private_broker.hpp"
#include "tests/support/worker_process.hpp"

namespace troop::bench {

[[noreturn]] inline void give_up(const std::string& why) {
  fmt::print(stderr, "bench_workload: {}\n", why);
  std::exit(1);
}

/// As fast as the window lets, `pairs` producers and consumers.
inline model::Workload saturating_workload(const std::string& queue, int pairs) {
  model::Workload workload;
  workload.queue.name = queue;
  workload.rate = 0;
  workload.producers = pairs;
  workload.consumers = pairs;
  workload.payload_bytes = 256;
  workload.publish.window = 500;
  workload.consume.prefetch = 100;
  return workload;
}

/// User and system time that a process has used up, all its threads; seconds.
inline double cpu_seconds(pid_t pid) {
  clockid_t clock{};
  timespec used{};
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0) give_up("a process has ended");
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

/// Seconds that all processors of the machine together were busy since it booted, and that there were.
struct MachineTime {
  double busy = 0;
  double all = 0;
  static MachineTime now() {
    std::ifstream file{"/proc/stat"};
    std::string name;
    file >> name;
    MachineTime out;
    double ticks = 0;
    for (int column = 1; column <= 8 && file >> ticks; ++column) {
      out.all += ticks;
      if (column != 4 && column != 5) out.busy += ticks;  // idle, and waiting for a disk
    }
    const auto per_second = static_cast<double>(sysconf(_SC_CLK_TCK));
    return {out.busy / per_second, out.all / per_second};
  }
};

/// Takes turns with another one.
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
  [[nodiscard]] double cpu() const {
    double sum = 0;
    for (const pid_t pid : processes()) sum += cpu_seconds(pid);
    return sum;
  }
};

/// Troop's own.
class Workers final : public Side {
 public:
  Workers(test::PrivateBroker& broker, const std::string& queue, int pairs, bool recording) {
    using Role = agents::WorkerConfig::Role;
    for (const Role role : {Role::consumer, Role::producer}) {
      for (int number = 1; number <= pairs; ++number) {
        auto worker = test::WorkerProcess::start(worker_config(role, number, saturating_workload(queue, pairs)),
                                                 broker.address(), recording);
        if (!worker) give_up(worker.error().context);
        workers_.push_back(std::make_unique<test::WorkerProcess>(std::move(worker.value())));
      }
    }
  }

  /// A producer settles nothing.
  [[nodiscard]] std::uint64_t settled() const override {
    std::uint64_t sum = 0;
    for (const auto& worker : workers_) sum += worker->counters().settled.get();
    return sum;
  }
  [[nodiscard]] std::vector<pid_t> processes() const override {
    std::vector<pid_t> pids;
    for (const auto& worker : workers_) pids.push_back(worker->pid());
    return pids;
  }
  /// An agent copies the records out, and sends them on; the copy is part of the price.
  void step() override {
    for (const auto& worker : workers_) {
      sink_.clear();
      worker->drain(sink_);
      if (worker->exit_code() != -1) give_up("a worker has ended");
    }
  }

 private:
  std::vector<std::unique_ptr<test::WorkerProcess>> workers_;
  std::vector<protocol::Record> sink_;
};

/// Nothing but rabbitmq-c.
class BareLoops final : public Side {
 public:
  BareLoops(test::PrivateBroker& broker, const std::string& queue, int pairs) {
    const model::Workload workload = saturating_workload(queue, pairs);
    for (int pair = 0; pair < pairs; ++pair) {
      BareCounters& counters = BareCounters::shared();
      counters_.push_back(&counters);
      start([&] { return bare_consumer(broker.address(), workload, counters); });
      start([&] { return bare_producer(broker.address(), workload, counters); });
    }
  }
  ~BareLoops() override {
    for (const pid_t pid : processes_) {
      kill(pid, SIGKILL);
      waitpid(pid, nullptr, 0);
    }
  }
  BareLoops(const BareLoops&) = delete;
  BareLoops& operator=(const BareLoops&) = delete;

  [[nodiscard]] std::uint64_t settled() const override {
    std::uint64_t sum = 0;
    for (const BareCounters* each : counters_) sum += each->settled.load();
    return sum;
  }
  [[nodiscard]] std::vector<pid_t> processes() const override { return processes_; }

 private:
  template <class Work>
  void start(const Work& work) {
    const pid_t pid = fork();
    if (pid == 0) _exit(work());
    processes_.push_back(pid);
  }

  std::vector<BareCounters*> counters_;
  std::vector<pid_t> processes_;
};

}  // namespace troop::bench
