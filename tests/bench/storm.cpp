// What is left behind when agents and guardians die a thousand deaths: nothing, and how soon.
#include "tests/support/storm.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <string_view>

namespace {

using troop::test::Blow;
using troop::test::Storm;

bool report(bool json, Blow blow, const troop::test::Aftermath& sum, int asked, double goal_s) {
  // A blow that meets nothing in force shows little: most have to meet something, and many a renewal.
  const bool clean = sum.left_behind == 0 && sum.problems.empty() && sum.rounds == asked &&
                     2 * sum.in_force >= sum.rounds && 6 * sum.renewed >= sum.rounds;
  const auto name = troop::test::to_text(blow);
  for (const auto& problem : sum.problems) fmt::print(stderr, "bench_storm: {}: {}\n", name, problem);
  if (json) {
    fmt::print(R"({{"bench":"storm.{}.left_behind","value":{},"unit":"of {}","goal":0,"holds":{}}})"
               "\n"
               R"({{"bench":"storm.{}.slowest","value":{:.3f},"unit":"s","goal":{},"holds":{}}})"
               "\n",
               name, sum.left_behind, sum.rounds, clean, name, sum.slowest_s, goal_s, sum.slowest_s <= goal_s);
  } else {
    fmt::print(
        "storm.{}: {} left behind of {} (goal 0, {}), {} of them with faults in force, {} when they were renewed; "
        "slowest {:.3f} s (goal {})\n",
        name, sum.left_behind, sum.rounds, clean ? "holds" : "MISSED", sum.in_force, sum.renewed, sum.slowest_s,
        goal_s);
  }
  std::fflush(stdout);
  return clean && sum.slowest_s <= goal_s;
}

}  // namespace

int main(int argc, char** argv) {
  const bool json = argc > 1 && std::string_view{argv[1]} == "--json";
  struct Part {
    Blow blow;
    int streams, rounds;
    double goal_s;
  };
  static constexpr Part parts[] = {{Blow::kill_agent, 4, 250, 2},
                                   {Blow::kill_both, 4, 25, 2},
                                   {Blow::kill_guardian, 4, 25, 2},
                                   {Blow::stop_agent, 10, 10, 12}};  // the lease, and 2 s
  bool all_hold = true;
  for (const auto& part : parts) {
    std::vector<Storm> storms;
    for (int i = 0; i < part.streams; ++i) {
      storms.push_back({part.blow, part.rounds, static_cast<std::uint64_t>(i) + 1});
    }
    troop::test::Aftermath sum;
    for (const auto& found : troop::test::weather_all(storms)) {
      sum.rounds += found.rounds;
      sum.in_force += found.in_force;
      sum.renewed += found.renewed;
      sum.left_behind += found.left_behind;
      sum.slowest_s = std::max(sum.slowest_s, found.slowest_s);
      sum.problems.insert(sum.problems.end(), found.problems.begin(), found.problems.end());
    }
    all_hold = report(json, part.blow, sum, part.streams * part.rounds, part.goal_s) && all_hold;
  }
  return all_hold ? 0 : 1;
}
