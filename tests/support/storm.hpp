// A storm of deaths: agents with faults in force are killed or hung at moments that a seed chooses, and after each the
// host must be as it was before. In a network namespace and a state folder of its own; nobody else's are touched.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/clock.hpp"

namespace troop::test {

enum class Blow { kill_agent, stop_agent, kill_guardian, kill_both };
std::string_view to_text(Blow blow);

struct Storm {
  Blow blow = Blow::kill_agent;
  int rounds = 1;
  std::uint64_t seed = 1;
  Duration put_back_max = std::chrono::seconds{2};  ///< After SIGKILL. After SIGSTOP the lease comes first.
};

struct Aftermath {
  int rounds = 0;
  int in_force = 0;      ///< Blows that met at least one proven fault; the others fell into apply, revert or between.
  int renewed = 0;       ///< Of these, blows at about the time at which the agent renews what is in force.
  int left_behind = 0;   ///< Rounds after which the host was not as before in time.
  double slowest_s = 0;  ///< From the blow until the host was as before.
  std::vector<std::string> problems;  ///< What was left, or went wrong otherwise.
};

/// Applies all faults that need no broker, or some that the seed chooses, then reverts them, again and again until the
/// blow falls; in one round of four it waits for a renewal. Blocking: half a second to two seconds
/// a round, and a lease for agents that are stopped. The calling thread must be the only one of a process made for it:
/// it moves to another network namespace, becomes a subreaper, and changes its environment.
Aftermath weather(const Storm& storm);

/// weather() of each storm in a process of its own, at once. Blocking.
std::vector<Aftermath> weather_all(const std::vector<Storm>& storms);

}  // namespace troop::test
