// How fast and how big `troop verify` is: a history of 10^6 messages (publish, confirm, delivery, ack: 4 * 10^6 events)
// is judged in a child process, next to the floor, which is reading the same bytes and doing nothing with them.
//
//   bench_verify [--json] [--messages N]
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string_view>
#include <vector>

#include "common/clock.hpp"
#include "common/ids.hpp"
#include "common/unique_fd.hpp"
#include "reports/history/writer.hpp"
#include "reports/invariants/judge.hpp"

namespace {

using namespace troop;
using history::Event;
using history::Subject;
using history::Type;

constexpr int rounds = 5;
constexpr std::int64_t confirm_lag = 150, delivery_lag = 300;  // messages, as a pipelined workload has them

struct Sample {
  double seconds = 0;  ///< By the wall clock.
  double cpu_seconds = 0;
  double peak_mib = 0;  ///< Resident, file-backed pages included.
  std::int64_t events = 0;
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// One message of the workload, and the events it causes.
struct Message {
  explicit Message(std::int64_t n)
      : number(n),
        id(fmt::format("p{}-{}", 1 + n % 2, n / 2)),
        producer(fmt::format("producer-{}", 1 + n % 2)),
        key(fmt::format("k{}", n % 64)) {}
  [[nodiscard]] Event event(std::string_view process, Type type, Subject f, std::int64_t time) const {
    Event e;
    e.time = time;
    e.process = process;
    e.type = type;
    e.f = f;
    e.id = id;
    e.attempt = 1;
    return e;
  }
  std::int64_t number;
  std::string id, producer, key;
};

Result<void> write_history(const std::filesystem::path& path, std::int64_t messages) {
  BOOST_OUTCOME_TRY(auto writer, history::Writer::open(path));
  std::int64_t time = 0;
  BOOST_OUTCOME_TRY(writer.append(time, "controller", Type::info, "run", {{"phase", "start"}}));
  const auto publish = [&](const Message& m) {
    Event e = m.event(m.producer, Type::invoke, Subject::publish, time += 250);
    e.op = e.seq = m.number;
    e.key = m.key;
    e.has_exchange = true;
    e.routing_key = "troop.work";
    return writer.append(e);
  };
  const auto confirm = [&](const Message& m) {
    Event e = m.event(m.producer, Type::ok, Subject::publish, time += 250);
    e.op = m.number;
    return writer.append(e);
  };
  const auto deliver = [&](const Message& m) -> Result<void> {
    const std::string consumer = fmt::format("consumer-{}", 1 + m.number % 2), channel = consumer + "/1";
    Event e = m.event(consumer, Type::ok, Subject::deliver, time += 250);
    e.key = m.key;
    e.seq = m.number;
    e.queue = "troop.work";
    e.producer = m.producer;
    e.channel = channel;
    e.tag = m.number / 2 + 1;
    BOOST_OUTCOME_TRY(writer.append(e));
    Event ack;
    ack.time = time += 250;
    ack.process = consumer;
    ack.f = Subject::ack;
    ack.channel = channel;
    ack.tag = e.tag;
    return writer.append(ack);
  };
  const auto fault = [&](Type type, std::string_view phase) {
    Event e;
    e.time = time;
    e.process = "agent-local";
    e.type = type;
    e.f = Subject::fault;
    e.name = "broker.stop";
    e.target = "broker";
    e.phase = phase;
    return writer.append(e);
  };
  const auto probe = [&](Type type) {
    Event e;
    e.time = time;
    e.process = "controller";
    e.type = type;
    e.f = Subject::probe;
    e.name = "amqp.publish";
    return writer.append(e);
  };
  for (std::int64_t i = 0; i < messages + delivery_lag; ++i) {
    if (i < messages) {
      BOOST_OUTCOME_TRY(publish(Message{i}));
    }
    if (i >= confirm_lag && i - confirm_lag < messages) {
      BOOST_OUTCOME_TRY(confirm(Message{i - confirm_lag}));
    }
    if (i >= delivery_lag) {
      BOOST_OUTCOME_TRY(deliver(Message{i - delivery_lag}));
    }
    if (i == messages / 4) {
      BOOST_OUTCOME_TRY(fault(Type::invoke, "start"));
    }
    if (i == messages / 4 + 1) {
      BOOST_OUTCOME_TRY(fault(Type::ok, "start"));
    }
    if (i == messages / 2) {
      BOOST_OUTCOME_TRY(fault(Type::invoke, "stop"));
    }
    if (i == messages / 2 + 1) {
      BOOST_OUTCOME_TRY(fault(Type::ok, "stop"));
    }
    if (i % (messages / 20 + 1) == 0) {
      BOOST_OUTCOME_TRY(probe(Type::ok));
    }
  }
  BOOST_OUTCOME_TRY(writer.append(time, "controller", Type::ok, "drain", {{"queue", "troop.work"}}));
  BOOST_OUTCOME_TRY(writer.append(time, "controller", Type::info, "run", {{"phase", "stop"}, {"reason", "completed"}}));
  return writer.flush();
}

double peak_mib() {
  std::ifstream status{"/proc/self/status"};
  for (std::string word; status >> word;) {
    if (word != "VmHWM:") continue;
    double kib = 0;
    status >> kib;
    return kib / 1024;
  }
  return 0;
}

/// In a process of its own, so that its peak is its own. Events 0: it failed.
Sample in_child(const std::function<std::int64_t()>& work) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return {};
  UniqueFd out{ends[0]}, in{ends[1]};
  const pid_t child = ::fork();
  if (child < 0) return {};
  if (child == 0) {
    Sample sample;
    const auto begin = monotonic_ns();
    sample.events = work();
    sample.seconds = static_cast<double>(monotonic_ns() - begin) / 1e9;
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& t) {
      return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    sample.cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
    sample.peak_mib = peak_mib();
    const auto written = ::write(in.get(), &sample, sizeof sample);
    ::_exit(written == sizeof sample ? 0 : 1);
  }
  in.reset();
  Sample sample;
  if (::read(out.get(), &sample, sizeof sample) != sizeof sample) sample = {};
  ::waitpid(child, nullptr, 0);
  return sample;
}

std::int64_t judge_all(const std::filesystem::path& path) {
  const std::vector<model::InvariantSpec> specs{
      {"delivery", {}, {{"guarantee", std::string{"at-least-once"}}}},
      {"order", {}, {}},
      {"accounting", {}, {}},
      {"recovery", {}, {{"within", Duration{std::chrono::seconds{10}}}}},
  };
  const auto judged = invariants::judge(path, specs);
  if (!judged) {
    fmt::print(stderr, "bench_verify: {}\n", judged.error().context);
    return 0;
  }
  if (judged.value().verdict != invariants::Verdict::pass) {
    for (const auto& judgement : judged.value().invariants) {
      for (const auto& reason : judgement.reasons) fmt::print(stderr, "bench_verify: {}: {}\n", judgement.kind, reason);
    }
    return 0;
  }
  return judged.value().events;
}

std::int64_t read_all(const std::filesystem::path& path) {
  const UniqueFd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  std::vector<char> buffer(std::size_t{128} << 10);
  std::int64_t bytes = 0;
  while (true) {
    const auto count = ::read(file.get(), buffer.data(), buffer.size());
    if (count <= 0) return bytes;
    bytes += count;
  }
}

void report(bool json, std::string_view name, double value, std::string_view unit, double goal, bool holds,
            std::string_view remark) {
  if (json) {
    fmt::print(R"({{"bench":"verify.{}","value":{:.2f},"unit":"{}","goal":{},"holds":{}}})"
               "\n",
               name, value, unit, goal, holds);
  } else {
    fmt::print("verify.{}: {:.2f} {} (goal {}, {}) {}\n", name, value, unit, goal, holds ? "holds" : "MISSED", remark);
  }
}

}  // namespace

int main(int argc, char** argv) {
  bool json = false;
  std::int64_t messages = 1'000'000;
  for (int i = 1; i < argc; ++i) {
    if (std::string_view{argv[i]} == "--json") json = true;
    if (std::string_view{argv[i]} == "--messages" && i + 1 < argc) messages = std::atoll(argv[++i]);
  }
  const auto folder = std::filesystem::temp_directory_path() / ("troop-bench-" + random_hex(8));
  std::filesystem::create_directory(folder);
  const auto path = folder / "history.ndjson";
  const auto begin = monotonic_ns();
  const auto written = write_history(path, messages);
  const double write_seconds = static_cast<double>(monotonic_ns() - begin) / 1e9;
  if (!written) {
    fmt::print(stderr, "bench_verify: {}\n", written.error().context);
    std::filesystem::remove_all(folder);
    return 1;
  }
  std::vector<double> rates, cpu_rates, floors, peaks;
  std::int64_t events = 0;
  for (int round = 0; round < rounds; ++round) {
    const Sample floor = in_child([&] { return read_all(path); });
    const Sample judged = in_child([&] { return judge_all(path); });
    if (judged.events == 0) break;
    events = judged.events;
    rates.push_back(static_cast<double>(events) / judged.seconds);
    cpu_rates.push_back(static_cast<double>(events) / judged.cpu_seconds);
    floors.push_back(static_cast<double>(events) / floor.seconds);
    peaks.push_back(judged.peak_mib);
  }
  const auto bytes = std::filesystem::file_size(path);
  std::filesystem::remove_all(folder);
  if (rates.size() != rounds) return 1;
  if (!json) {
    fmt::print("verify: {} events of {} bytes, median of {}; writing them took {:.2f} s\n", events,
               bytes / static_cast<std::uintmax_t>(events), rounds, write_seconds);
  }
  const double rate = median(rates), floor = median(floors), peak = median(peaks);
  report(
      json, "events_per_second", rate, "events/s", 3e6, rate >= 3e6,
      fmt::format("; by processor time {:.2f}; the floor, reading the same bytes, {:.2f}", median(cpu_rates), floor));
  report(json, "peak_resident", peak, "MiB", 256, peak <= 256, "");
  return 0;
}
