// Services of systemd on this host, as `systemctl show` tells of them, and those that were stopped, as data: whoever is
// left of an agent starts them again. See systemctl(1), org.freedesktop.systemd1(5).
#pragma once

#include <boost/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agents/host/process_table.hpp"
#include "agents/host/systemctl.hpp"
#include "common/error.hpp"

namespace troop::agents {

/// The kind of their undo record. Its state has "unit" from the moment on when it was seen to run.
inline constexpr std::string_view unit_kind = "unit";

struct Unit {
  std::string id;                  ///< Its own name, whatever alias was asked for.
  std::vector<std::string> names;  ///< All of them.
  std::string load;                ///< "loaded", "not-found", "masked" …
  std::string active;              ///< "active", "reloading", "inactive", "failed", "activating", "deactivating" …
  std::string sub;                 ///< "running", "dead", "auto-restart" …
  std::string result;              ///< "success", "signal", "start-limit-hit" …
  std::string invocation;          ///< Another one for each start; empty where systemd has forgotten it.
  std::string control_group;       ///< Empty while it has none.
  std::string restart;             ///< "no", "always", "on-failure" …
  pid_t main_pid = 0, control_pid = 0;  ///< 0: none.
  bool can_start = false, can_stop = false, transient = false, has_job = false;
  std::vector<std::string> triggered_by;  ///< Sockets, timers and paths that start it.
  std::vector<std::string> stopped_with;  ///< Units that a stop of this one stops too.
  std::vector<std::string> bound_to_it;   ///< Of these those that stop whenever it ends.
  std::vector<std::string> last_resorts;  ///< "FailureAction=reboot": what systemd does to the host when it ends.

  [[nodiscard]] bool runs() const { return active == "active" || active == "reloading"; }
  [[nodiscard]] bool is_down() const { return active == "inactive" || active == "failed"; }
  [[nodiscard]] std::string told() const { return active + " (" + sub + ")"; }
  /// systemd starts it again by itself where its process is killed.
  [[nodiscard]] bool comes_back() const {
    return restart == "always" || restart == "on-failure" || restart == "on-abnormal" || restart == "on-abort";
  }
};

/// `systemctl …` to ask for one unit.
std::vector<std::string> show_unit(const std::string& name);
/// What it said. Errors: lost, where that tells of no unit.
Result<Unit> unit_from(std::string_view shown);
/// Both. Three seconds at most. Errors: lost, timeout.
asio::awaitable<Result<Unit>> inspect_unit(std::string name);
/// The same. Blocks. Errors: usage.
Result<Unit> inspect_unit_now(const std::string& name);
/// Those of the units that are active. Likewise.
Result<std::vector<std::string>> active_among(const std::vector<std::string>& names);

/// Of the processes of this host those in its control group or below, and its main and its control process.
std::vector<ProcessIdentity> processes_of(const Unit& unit, std::span<const ProcessRow> table);

/// What start_again() needs. `killed`: not stopped; then Restart= may bring it back.
boost::json::object to_json(const Unit& unit, bool killed);
/// Has systemd start the unit of the record again, unless it runs; one that somebody else has started and stopped
/// since, or masked, is left alone. Idempotent. Returns what was seen. Errors: unrestored.
asio::awaitable<Result<std::string>> start_unit_again(boost::json::object state);
/// The same. Blocks for as long as it takes, a minute at most.
Result<std::string> start_unit_again_now(const boost::json::object& state);

}  // namespace troop::agents
