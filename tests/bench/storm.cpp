// What is left behind when agents and guardians die a thousand deaths: nothing, and how soon. Takes --json, and the
// names of grounds (host, attached_broker, managed_broker) for those alone.
#include "tests/support/storm.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <string_view>

namespace {

using troop::test::Aftermath;
using troop::test::Blow;
using troop::test::Ground;
using troop::test::Storm;

/// As many blows, in so many streams at once.
struct Part {
  Blow blow;
  int streams, rounds;
  double goal_s;
};

/// What has to be back within the two seconds of a host, or what such faults declare (undo_max).
constexpr double soon_s = 2, lease_s = 10, services_s = 75, broker_s = 60;

void add(Aftermath& sum, const Aftermath& found) {
  sum.rounds += found.rounds;
  sum.in_force += found.in_force;
  sum.renewed += found.renewed;
  sum.in_group += found.in_group;
  sum.left_behind += found.left_behind;
  sum.slowest_s = std::max(sum.slowest_s, found.slowest_s);
  sum.slowest_with_services_s = std::max(sum.slowest_with_services_s, found.slowest_with_services_s);
  sum.problems.insert(sum.problems.end(), found.problems.begin(), found.problems.end());
}

/// A blow that meets nothing in force shows little: most on a host have to meet something, and many a renewal. An agent
/// with a broker is busy with its start, and with what takes effect, for most of the time: all of its blows together
/// have to.
bool met_enough(Ground ground, const Aftermath& sum) {
  if (ground != Ground::host) return true;
  return 2 * sum.in_force >= sum.rounds && 6 * sum.renewed >= sum.rounds && 2 * sum.in_group >= sum.rounds;
}

bool report_slowest(bool json, const std::string& name, double seconds, double goal_s) {
  const bool holds = seconds <= goal_s;
  if (json) {
    fmt::print(R"({{"bench":"storm.{}","value":{:.3f},"unit":"s","goal":{},"holds":{}}})"
               "\n",
               name, seconds, goal_s, holds);
  } else {
    fmt::print("storm.{}: {:.3f} s (goal {}, {})\n", name, seconds, goal_s, holds ? "holds" : "MISSED");
  }
  return holds;
}

bool report(bool json, Ground ground, const Part& part, const Aftermath& sum) {
  const bool clean = sum.left_behind == 0 && sum.problems.empty() && sum.rounds == part.streams * part.rounds &&
                     met_enough(ground, sum);
  const std::string name = ground == Ground::host ? std::string{to_text(part.blow)}
                                                  : fmt::format("{}.{}", to_text(ground), to_text(part.blow));
  for (const auto& problem : sum.problems) fmt::print(stderr, "bench_storm: {}: {}\n", name, problem);
  if (json) {
    fmt::print(R"({{"bench":"storm.{}.left_behind","value":{},"unit":"of {}","goal":0,"in_force":{},"holds":{}}})"
               "\n",
               name, sum.left_behind, sum.rounds, sum.in_force, clean);
  } else {
    fmt::print(
        "storm.{}: {} left behind of {} (goal 0, {}), {} of them with faults in force, {} when they were renewed, {} "
        "on control groups\n",
        name, sum.left_behind, sum.rounds, clean ? "holds" : "MISSED", sum.in_force, sum.renewed, sum.in_group);
  }
  bool soon = report_slowest(json, name + ".slowest", sum.slowest_s, part.goal_s);
  if (ground == Ground::host) {
    const double goal_s = part.goal_s - soon_s + services_s;
    soon = report_slowest(json, name + ".slowest_with_services", sum.slowest_with_services_s, goal_s) && soon;
  }
  std::fflush(stdout);
  return clean && soon;
}

bool report_met(bool json, Ground ground, int in_force, int rounds) {
  const bool holds = in_force > 0 && 5 * in_force >= rounds;
  if (json) {
    fmt::print(R"({{"bench":"storm.{}.in_force","value":{},"unit":"of {}","goal":{},"holds":{}}})"
               "\n",
               to_text(ground), in_force, rounds, rounds / 5, holds);
  } else {
    fmt::print("storm.{}: {} of {} blows met a fault in force (goal {}, {})\n", to_text(ground), in_force, rounds,
               rounds / 5, holds ? "holds" : "MISSED");
  }
  return holds;
}

Storm storm_of(Ground ground, const Part& part, int stream) {
  const auto lease = std::chrono::duration<double>{part.blow == Blow::stop_agent ? lease_s : 0};
  const auto goal = std::chrono::duration<double>{part.goal_s} - lease;
  return {.blow = part.blow,
          .rounds = part.rounds,
          .seed = static_cast<std::uint64_t>(stream) + 1,
          .put_back_max = std::chrono::duration_cast<troop::Duration>(goal),
          .ground = ground};
}

/// Parts that all have as many streams, on the same ground: each stream sees all of them, one after the other.
bool rage(bool json, Ground ground, const std::vector<Part>& parts) {
  std::vector<std::vector<Storm>> streams(static_cast<std::size_t>(parts.front().streams));
  for (std::size_t i = 0; i < streams.size(); ++i) {
    for (const auto& part : parts) streams[i].push_back(storm_of(ground, part, static_cast<int>(i)));
  }
  std::vector<Aftermath> sums(parts.size());
  const auto found = troop::test::weather_all(streams);
  for (std::size_t i = 0; i < found.size(); ++i) add(sums[i % parts.size()], found[i]);
  bool all_hold = true;
  int rounds = 0, in_force = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    all_hold = report(json, ground, parts[i], sums[i]) && all_hold;
    rounds += sums[i].rounds;
    in_force += sums[i].in_force;
  }
  if (ground != Ground::host) all_hold = report_met(json, ground, in_force, rounds) && all_hold;
  return all_hold;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string_view> arguments(argv + 1, argv + argc);
  const bool json = std::ranges::find(arguments, "--json") != arguments.end();
  const auto wanted = [&](Ground ground) {
    return arguments.size() == (json ? 1U : 0U) || std::ranges::find(arguments, to_text(ground)) != arguments.end();
  };
  bool all_hold = true;
  for (const auto& part :
       {Part{Blow::kill_agent, 4, 250, soon_s}, Part{Blow::kill_both, 4, 25, soon_s},
        Part{Blow::kill_guardian, 4, 25, soon_s}, Part{Blow::stop_agent, 10, 10, lease_s + soon_s}}) {
    if (wanted(Ground::host)) all_hold = rage(json, Ground::host, {part}) && all_hold;
  }
  const std::vector<Part> attached{{Blow::kill_agent, 2, 20, broker_s},
                                   {Blow::kill_both, 2, 8, broker_s},
                                   {Blow::kill_guardian, 2, 8, broker_s},
                                   {Blow::stop_agent, 2, 4, lease_s + broker_s}};
  if (wanted(Ground::attached_broker)) all_hold = rage(json, Ground::attached_broker, attached) && all_hold;
  const std::vector<Part> managed{{Blow::kill_agent, 2, 10, soon_s},
                                  {Blow::kill_both, 2, 3, soon_s},
                                  {Blow::kill_guardian, 2, 3, soon_s},
                                  {Blow::stop_agent, 2, 2, lease_s + soon_s}};
  if (wanted(Ground::managed_broker)) all_hold = rage(json, Ground::managed_broker, managed) && all_hold;
  return all_hold ? 0 : 1;
}
