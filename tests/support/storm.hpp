// A storm of deaths: agents with faults in force are killed or hung at moments that a seed chooses, and after each the
// host must be as it was before. In a network namespace, control groups and a state folder of its own, with brokers of
// its own; nobody else's are touched.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/clock.hpp"

namespace troop::test {

enum class Blow { kill_agent, stop_agent, kill_guardian, kill_both };
std::string_view to_text(Blow blow);

/// What the agents act on.
enum class Ground {
  host,             ///< Networks, control groups, processes, services of systemd (its stand-in), resources.
  bare_host,        ///< The same without control groups and services: for a machine without a shell.
  attached_broker,  ///< A real broker that is there before the first and after the last of them.
  managed_broker,   ///< A real broker of each agent's own, with workers.
};
std::string_view to_text(Ground ground);

struct Storm {
  Blow blow = Blow::kill_agent;
  int rounds = 1;
  std::uint64_t seed = 1;
  /// After SIGKILL. After SIGSTOP the lease comes first. Services of systemd may take as long as their faults declare.
  Duration put_back_max = std::chrono::seconds{2};
  Ground ground = Ground::host;
  std::string always = {};  ///< This fault is in force in every round, if the blow does not come first.
};

struct Aftermath {
  int rounds = 0;
  int in_force = 0;      ///< Blows that met at least one proven fault; the others fell into apply, revert or between.
  int renewed = 0;       ///< Of these, blows at about the time at which the agent renews what is in force.
  int in_group = 0;      ///< Of these, blows that met a fault on a control group alone.
  int with_netem = 0;    ///< Blows that met a netem qdisc.
  int left_behind = 0;   ///< Rounds after which the host was not as before in time.
  double slowest_s = 0;  ///< From the blow until the host was as before.
  double slowest_with_services_s = 0;  ///< The same where a service of systemd may have had to be started again.
  std::vector<std::string> problems;   ///< What was left, or went wrong otherwise.
};

/// Applies all faults of the ground, or some that the seed chooses, then reverts them, until the blow falls; in one
/// round of four on a host it waits for a renewal. Blocking: half a second to two seconds a round on a host, ten with a
/// broker of its own, and a lease for agents that are stopped. Each list is for a process of its own, all at once; its
/// storms come one after the other, on the same ground. Returns what came of all of them, in their order.
std::vector<Aftermath> weather_all(const std::vector<std::vector<Storm>>& streams);

/// The faults that some ground has.
std::set<std::string, std::less<>> stormy_faults();
/// Those that none has, each with the reason.
const std::map<std::string, std::string, std::less<>>& calm_faults();

}  // namespace troop::test
