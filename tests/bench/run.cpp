// What `troop run` adds to a run: wall time of the whole command, less what the run itself takes (start and stop of the
// broker, one interval of steady state, the experiment's duration, recovery, the end of the load, the drain).
//
//   bench_run [--json]
#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "tests/support/troop_run.hpp"

namespace {

using namespace troop;
using namespace troop::test;

constexpr int rounds = 5;
constexpr double goal_seconds = 0.5;
constexpr double steady_interval = 1.0;  // of broker/restart: the steady state cannot be seen sooner

struct Sample {
  double added = 0;
  double wall = 0;
};

double seconds(const boost::json::value& nanoseconds) { return static_cast<double>(nanoseconds.as_int64()) / 1e9; }

/// Nothing if the run did not pass.
std::optional<Sample> measure() {
  World world;
  const std::int64_t began = monotonic_ns();
  TroopCommand troop{world,
                     {"run", "broker/restart", "--out", world.run_directory().string(), "--set", "duration=4s", "--set",
                      "step.0.at=1s"}};
  const int exit_code = troop.exit_code(120s);
  Sample sample;
  sample.wall = static_cast<double>(monotonic_ns() - began) / 1e9;
  if (exit_code != 0) {
    fmt::print(stderr, "troop run ended with {}:\n{}\n", exit_code, troop.errors());
    return std::nullopt;
  }
  sample.added = sample.wall;
  const auto document = run_json(world);
  for (const auto& phase : document.at("phases").as_array()) {
    const std::string_view name{phase.at("name").as_string().data(), phase.at("name").as_string().size()};
    const double length = seconds(phase.at("end_ns")) - seconds(phase.at("start_ns"));
    if (name == "steady state") sample.added -= std::min(length, steady_interval);
    if (name != "prepare" && name != "start workers" && name != "steady state") sample.added -= length;
  }
  return sample;
}

}  // namespace

int main(int argc, char** argv) {
  const bool json = argc > 1 && std::string_view{argv[1]} == "--json";
  std::vector<double> added;
  for (int round = 0; round < rounds; ++round) {
    const auto sample = measure();
    if (!sample) return 1;
    added.push_back(sample->added);
    fmt::print(stderr, "run {} of {}: {:.2f} s in all, {:.3f} s added\n", round + 1, rounds, sample->wall,
               sample->added);
  }
  std::sort(added.begin(), added.end());
  const double median = added[added.size() / 2];
  const bool holds = median < goal_seconds;
  if (json) {
    fmt::print(R"({{"bench":"run.added_seconds","value":{:.3f},"unit":"s","goal":{},"holds":{}}})"
               "\n",
               median, goal_seconds, holds);
  } else {
    fmt::print("troop run adds {:.3f} s (median of {}; least {:.3f}, most {:.3f}; goal below {}): {}\n", median, rounds,
               added.front(), added.back(), goal_seconds, holds ? "holds" : "MISSED");
  }
  return holds ? 0 : 1;
}
