#include "agents/paused.hpp"

#include <fmt/format.h>

#include <csignal>
#include <thread>

namespace troop::agents {
namespace json = boost::json;
namespace {

constexpr Duration resume_max = std::chrono::seconds{1};
constexpr const char* key = "processes";

bool is_stopped(const ProcessIdentity& process) { return lives(process) && process_state(process.pid) == 'T'; }

}  // namespace

json::array to_json(const std::vector<ProcessIdentity>& processes) {
  json::array out;
  const std::string boot = boot_id();
  for (const auto& each : processes) {
    out.push_back({{"pid", each.pid}, {"start_time", static_cast<std::int64_t>(each.start_time)}, {"boot_id", boot}});
  }
  return out;
}

std::vector<ProcessIdentity> processes_from(const json::object& state) {
  std::vector<ProcessIdentity> out;
  const json::value* list = state.if_contains(key);
  if (list == nullptr || !list->is_array()) return out;
  const std::string boot = boot_id();
  for (const auto& entry : list->get_array()) {
    const auto* fields = entry.if_object();
    if (fields == nullptr) continue;
    const auto* pid = fields->if_contains("pid");
    const auto* start = fields->if_contains("start_time");
    const auto* when = fields->if_contains("boot_id");
    const bool whole = pid != nullptr && pid->is_int64() && start != nullptr && start->is_int64() && when != nullptr &&
                       when->is_string() && std::string_view{when->get_string()} == boot;
    if (!whole || pid->get_int64() <= 1 || pid->get_int64() > INT32_MAX) continue;
    out.push_back({static_cast<pid_t>(pid->get_int64()), static_cast<std::uint64_t>(start->get_int64())});
  }
  return out;
}

Result<std::string> resume(const json::object& state) {
  const auto processes = processes_from(state);
  for (const auto& process : processes) {
    // To all, whatever their state: a stop that is still to come (of a process that waits for its disk) is taken back.
    auto pinned = Stranger::find(process.pid);
    if (pinned.has_value() && pinned.value().identity().start_time == process.start_time)
      (void)pinned.value().signal(SIGCONT);
  }
  std::string told, stopped;
  const std::int64_t deadline = monotonic_ns() + resume_max.count();
  for (const auto& process : processes) {
    while (is_stopped(process) && monotonic_ns() < deadline) std::this_thread::sleep_for(std::chrono::milliseconds{1});
    if (is_stopped(process))
      stopped += fmt::format("{}pid {} is still stopped", stopped.empty() ? "" : ", ", process.pid);
    const char now = lives(process) ? process_state(process.pid) : '\0';
    if (!told.empty()) told += ", ";
    told += now == '\0' ? fmt::format("pid {} has ended meanwhile", process.pid)
                        : fmt::format("pid {} is in state {}", process.pid, now);
  }
  if (!stopped.empty()) return Error{ErrorKind::unrestored, stopped};
  return told.empty() ? std::string{"nothing was stopped"} : told;
}

}  // namespace troop::agents
