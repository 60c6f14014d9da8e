// How fast and how big `troop verify` is: a history of 10^6 messages (publish, confirm, delivery, ack: 4 * 10^6 events)
// is judged in a child process, next to the floor, which is reading the same bytes and doing nothing with them. The
// writer is measured too: by itself, and into a file.
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
#include "reports/invariants/judge.hpp"
#include "tests/bench/verify_history.hpp"

namespace {

using namespace troop;

constexpr int rounds = 9;

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

std::string range(const std::vector<double>& values) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return fmt::format("{:.2f} to {:.2f}", *low, *high);
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

/// `floor`: what the value cannot exceed, in its unit; 0: there is none.
bool report(bool json, std::string_view name, double value, std::string_view unit, double goal, bool holds,
            std::string_view remark, double floor = 0) {
  if (json) {
    const std::string beside = floor > 0 ? fmt::format(R"(,"floor":{:.0f})", floor) : "";
    fmt::print("{}\n", fmt::format(R"({{"bench":"verify.{}","value":{:.2f},"unit":"{}","goal":{},"holds":{}{}}})", name,
                                   value, unit, goal, holds, beside));
  } else {
    fmt::print("verify.{}: {:.2f} {} (goal {}, {}) {}\n", name, value, unit, goal, holds ? "holds" : "MISSED", remark);
  }
  return holds;
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
  const auto written = bench::write_history(path, messages);
  if (!written) {
    fmt::print(stderr, "bench_verify: {}\n", written.error().context);
    std::filesystem::remove_all(folder);
    return 1;
  }
  std::vector<double> rates, cpu_rates, floors, peaks, write_rates, file_rates;
  std::int64_t events = 0;
  for (int round = 0; round < rounds; ++round) {
    const Sample floor = in_child([&] { return read_all(path); });
    const Sample judged = in_child([&] { return judge_all(path); });
    const auto write_to = [&](const std::filesystem::path& to) {
      return in_child([&] { return bench::write_ready_events(to, messages / 1024 + 1); });
    };
    const Sample wrote = write_to("/dev/null"), filed = write_to(folder / "again.ndjson");
    if (judged.events == 0 || wrote.events == 0 || filed.events == 0) break;
    events = judged.events;
    rates.push_back(static_cast<double>(events) / judged.seconds);
    cpu_rates.push_back(static_cast<double>(events) / judged.cpu_seconds);
    floors.push_back(static_cast<double>(events) / floor.seconds);
    peaks.push_back(judged.peak_mib);
    write_rates.push_back(static_cast<double>(wrote.events) / wrote.seconds);
    file_rates.push_back(static_cast<double>(filed.events) / filed.seconds);
  }
  const auto bytes = std::filesystem::file_size(path);
  std::filesystem::remove_all(folder);
  if (rates.size() != rounds) return 1;
  if (!json) {
    fmt::print("verify: {} events of {} bytes, median of {}\n", events, bytes / static_cast<std::uintmax_t>(events),
               rounds);
  }
  const double rate = median(rates), floor = median(floors), peak = median(peaks), write_rate = median(write_rates);
  bool all = report(json, "events_per_second", rate, "events/s", 3e6, rate >= 3e6,
                    fmt::format("; {}; by processor time {:.2f}; the floor, reading the same bytes, {:.2f}",
                                range(rates), median(cpu_rates), floor),
                    floor);
  all = report(json, "peak_resident", peak, "MiB", 256, peak <= 256, "") && all;
  all = report(json, "writer_events_per_second", write_rate, "events/s", 5e6, write_rate >= 5e6,
               fmt::format("; {}; to /dev/null; into a file {:.2f}, {}", range(write_rates), median(file_rates),
                           range(file_rates))) &&
        all;
  return all ? 0 : 1;
}
