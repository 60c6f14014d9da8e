#include "agents/faults/unit_faults.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>

#include "agents/faults/container_faults.hpp"
#include "agents/faults/control_faults.hpp"
#include "agents/faults/selected_processes.hpp"
#include "agents/paused.hpp"
#include "agents/units.hpp"
#include "scenarios/model/unit_name.hpp"

namespace troop::agents {
namespace {

constexpr Duration told_max = std::chrono::seconds{30};
constexpr Duration down_max = std::chrono::seconds{3};          // after systemctl has waited for it
constexpr Duration killed_down_max = std::chrono::seconds{20};  // systemd may run its ExecStopPost= first
constexpr Duration ask_max = std::chrono::seconds{3};
constexpr Duration look_interval = std::chrono::milliseconds{20};

bool kills(const protocol::StepOrder& order) { return order.fault == "instance.kill"; }

/// In the life that it had, or in none. Errors: lost.
Result<void> still_down(const Unit& now, const std::string& invocation) {
  const bool another_life = !now.invocation.empty() && now.invocation != invocation;
  if (now.is_down() && !another_life) return success();
  return Error{ErrorKind::lost, fmt::format("somebody else started unit {} again: it is {}", now.id, now.told())};
}

/// Somebody else may start it again: then it is not down any more, or was not all the time. Asks without waiting: what
/// is heard is what was asked the last time.
class HeldDownUnit : public Holding {
 public:
  HeldDownUnit(std::string id, std::string invocation) : id_(std::move(id)), invocation_(std::move(invocation)) {}
  Result<void> renew() override {
    if (asked_) {
      if (!asked_->ended()) {
        if (monotonic_ns() < asked_at_ + ask_max.count()) return success();
        return Error{ErrorKind::lost, fmt::format("systemd does not tell whether unit {} is down", id_)};
      }
      const auto answer = std::exchange(asked_, std::nullopt)->answer();
      BOOST_OUTCOME_TRY(const auto shown, answer);
      BOOST_OUTCOME_TRY(const auto now, unit_from(shown));
      BOOST_OUTCOME_TRY(still_down(now, invocation_));
    }
    BOOST_OUTCOME_TRY(asked_, Systemctl::start(show_unit(id_)));
    asked_at_ = monotonic_ns();
    return success();
  }

 private:
  std::string id_, invocation_;
  std::optional<Systemctl> asked_;
  std::int64_t asked_at_ = 0;
};

/// Nothing of it may be the agent, what started it, or what the policy protects.
Result<void> not_protected(const Parts& parts, const Unit& unit, const protocol::StepOrder& order) {
  const auto table = read_process_table();
  const auto inside = processes_of(unit, table);
  const auto is_inside = [&](pid_t pid) {
    return std::ranges::any_of(inside, [&](const ProcessIdentity& each) { return each.pid == pid; });
  };
  if (is_inside(getpid()) || (parts.controller() > 0 && is_inside(parts.controller())))
    return usage_error(fmt::format("{}: this agent, or its controller, is of unit {}", order.fault, unit.id));
  BOOST_OUTCOME_TRY(const auto never, protected_here(parts));
  for (const auto& process : inside) {
    Selector one;
    one.by = Selector::By::pid;
    one.pid = process.pid;
    one.written = "unit \"" + unit.id + "\"";
    if (matching(table, one, never).empty())
      return usage_error(fmt::format("{}: pid {} of unit {} is Troop's own", order.fault, process.pid, unit.id));
    if (auto chosen = choose(table, one, never, Random{0}); chosen.has_error())
      return std::move(chosen).error().within(order.fault);
  }
  return success();
}

/// Why it cannot be hit so that it can be put back; empty: it can.
Result<std::string> hindrance(const Unit& unit, const protocol::StepOrder& order) {
  if (unit.load == "not-found") return "is not known to systemd";
  if (unit.load != "loaded") return fmt::format("cannot be used: it is {}", unit.load);
  if (!model::is_service_name(unit.id) || model::is_vital_service(unit.id) ||
      std::ranges::any_of(unit.names, model::is_vital_service))
    return "is never stopped: the host, or the way into it, needs it";
  if (unit.active != "active" || unit.sub != "running") return fmt::format("does not run: it is {}", unit.told());
  if (unit.main_pid == 0) return "has no main process that systemd knows (PIDFile=)";
  if (unit.has_job) return "is being started or stopped right now";
  if (unit.invocation.empty()) return "has no invocation id, by which one start is told from another";
  if (unit.transient) return "is transient: once stopped, systemd forgets it";
  if (!unit.can_stop || !unit.can_start) return "may not be stopped, or started, by hand";
  if (!unit.last_resorts.empty())
    return fmt::format("would take the host with it ({})", fmt::join(unit.last_resorts, ", "));
  BOOST_OUTCOME_TRY(const auto triggers, active_among(unit.triggered_by));
  if (!triggers.empty())
    return fmt::format("would be started again at any time by {}: stop that first", fmt::join(triggers, ", "));
  BOOST_OUTCOME_TRY(auto others, active_among(kills(order) ? unit.bound_to_it : unit.stopped_with));
  std::erase(others, unit.id);
  if (!others.empty())
    return fmt::format("takes others down with it, which nobody would start again: {}", fmt::join(others, ", "));
  return std::string{};
}

Result<Unit> running_unit(const Parts& parts, const protocol::StepOrder& order) {
  const auto name = text_parameter(order, "unit", "");
  const auto refuse = [&](std::string_view why) {
    return usage_error(fmt::format("{}: unit {} {}", order.fault, name, why));
  };
  if (!model::is_service_name(name))
    return usage_error(fmt::format("{}: 'unit' is no whole name of a service", order.fault));
  if (model::is_vital_service(name)) return refuse("is never stopped: the host, or the way into it, needs it");
  auto found = inspect_unit_now(name);
  if (found.has_error()) return std::move(found).error().within(order.fault);
  BOOST_OUTCOME_TRY(const auto why, hindrance(found.value(), order));
  if (!why.empty()) return refuse(why);
  BOOST_OUTCOME_TRY(not_protected(parts, found.value(), order));
  return found;
}

/// What was written down of it. Errors: usage.
struct Known {
  std::string id, invocation;
  bool comes_back = false;
  std::vector<ProcessIdentity> processes;
};
Result<Known> known_from(const protocol::StepOrder& order, Seen seen) {
  const auto* unit = seen.if_contains("unit");
  if (unit == nullptr) return usage_error(order.fault + ": no unit was looked at");
  Known known{std::string{unit->at("id").as_string()}, std::string{unit->at("invocation").as_string()},
              unit->at("comes_back").as_bool(), processes_from(seen)};
  if (known.processes.empty()) return usage_error(order.fault + ": the unit had no process");
  return known;
}

std::size_t alive_among(const std::vector<ProcessIdentity>& processes) {
  return static_cast<std::size_t>(std::ranges::count_if(processes, lives));
}

/// Waits until it is down, where that is to be waited for, and what it consisted of is gone: all of its processes, of
/// one that was stopped the main one (KillMode= may spare others). Errors: lost.
asio::awaitable<Result<Proof>> taken_down(const protocol::StepOrder& order, const Known& known, bool wait_for_down) {
  const std::int64_t asked = monotonic_ns();
  while (true) {
    BOOST_OUTCOME_CO_TRY(const auto now, co_await inspect_unit(known.id));
    const auto left = alive_among(known.processes);
    const std::int64_t seen_at = monotonic_ns();
    const bool another_life = !now.invocation.empty() && now.invocation != known.invocation;
    if (wait_for_down && another_life)
      co_return not_proven(order, fmt::format("somebody else started unit {} at once", known.id));
    const bool main_is_gone = !lives(known.processes.front());
    if ((now.is_down() || !wait_for_down) && (left == 0 || (main_is_gone && !kills(order)))) {
      std::string text = fmt::format("unit {} is {}; of its {} processes {} are left", known.id, now.told(),
                                     known.processes.size(), left);
      co_return Proof{seen_at, std::move(text)};
    }
    if (seen_at > asked + (kills(order) ? killed_down_max : down_max).count())
      co_return not_proven(order,
                           fmt::format("unit {} is still {}, with {} of its processes", known.id, now.told(), left));
    co_await pause_for(look_interval);
  }
}

asio::awaitable<Result<void>> tell(const protocol::StepOrder& order, std::vector<std::string> arguments) {
  auto told = co_await ask_systemctl(std::move(arguments), told_max);
  if (told.has_error()) co_return std::move(told).error().within(order.fault);
  co_return success();
}

}  // namespace

bool names_unit(const protocol::StepOrder& order) { return order.parameters.contains("unit"); }

Result<UndoRecord> plan_on_unit(Parts& parts, const protocol::StepOrder& order) {
  if (parts.find(order.victim) != nullptr || order.parameters.contains("container"))
    return usage_error(fmt::format("{}: a unit of a host, and nothing else, is to be named", order.fault));
  BOOST_OUTCOME_TRY(running_unit(parts, order));
  return UndoRecord{std::string{unit_kind}, {{"fault", order.fault}, {"victim", order.victim}}};
}

asio::awaitable<Result<void>> look_at_unit(Parts& parts, const protocol::StepOrder& order, boost::json::object& state) {
  BOOST_OUTCOME_CO_TRY(const auto unit, running_unit(parts, order));
  const auto table = read_process_table();
  auto processes = processes_of(unit, table);
  const auto main = std::ranges::find(processes, unit.main_pid, &ProcessIdentity::pid);
  if (main == processes.end())
    co_return usage_error(fmt::format("{}: pid {} of unit {} is gone", order.fault, unit.main_pid, unit.id));
  std::iter_swap(processes.begin(), main);  // the main process is the first
  state["processes"] = to_json(processes);
  state["unit"] = to_json(unit, kills(order));
  co_return success();
}

asio::awaitable<Result<Proof>> stop_unit(Parts& parts, const protocol::StepOrder& order, Seen seen) {
  BOOST_OUTCOME_CO_TRY(const auto known, known_from(order, seen));
  const std::vector<std::string> stop{"stop", "--", known.id};
  BOOST_OUTCOME_CO_TRY(co_await tell(order, stop));
  BOOST_OUTCOME_CO_TRY(auto proof, co_await taken_down(order, known, true));
  parts.holdings()[order.number] = std::make_unique<HeldDownUnit>(known.id, known.invocation);
  co_return proof;
}

asio::awaitable<Result<Proof>> kill_unit(Parts& parts, const protocol::StepOrder& order, Seen seen) {
  BOOST_OUTCOME_CO_TRY(const auto known, known_from(order, seen));
  // Without --kill-whom, which older ones do not know: all of its processes.
  const std::vector<std::string> kill{"kill", "--signal=SIGKILL", "--", known.id};
  BOOST_OUTCOME_CO_TRY(co_await tell(order, kill));
  BOOST_OUTCOME_CO_TRY(auto proof, co_await taken_down(order, known, !known.comes_back));
  if (known.comes_back) {
    proof.text += "; systemd brings it back by itself (Restart=)";
  } else {
    parts.holdings()[order.number] = std::make_unique<HeldDownUnit>(known.id, known.invocation);
  }
  co_return proof;
}

asio::awaitable<Result<Proof>> bring_unit_back(Parts& parts, const protocol::StepOrder& order, Seen seen) {
  parts.holdings().erase(order.number);
  auto started = co_await start_unit_again(seen);
  if (started.has_error()) co_return not_restored(order, started.error());
  co_return Proof{monotonic_ns(), std::move(started).value()};
}

asio::awaitable<Result<void>> service_is_down(Parts& parts, const protocol::StepOrder& order, Seen seen) {
  if (!names_unit(order) || !parts.holdings().contains(order.number)) co_return success();
  BOOST_OUTCOME_CO_TRY(const auto known, known_from(order, seen));
  BOOST_OUTCOME_CO_TRY(const auto now, co_await inspect_unit(known.id));
  co_return still_down(now, known.invocation);
}

Result<UndoRecord> plan_on_service(Parts& parts, const protocol::StepOrder& order) {
  return names_unit(order) ? plan_on_unit(parts, order) : plan_on_container(parts, order);
}

asio::awaitable<Result<void>> look_at_service(Parts& parts, const protocol::StepOrder& order,
                                              boost::json::object& state) {
  return names_unit(order) ? look_at_unit(parts, order, state) : look_at_container(parts, order, state);
}

asio::awaitable<Result<Proof>> start_service_again(Parts& parts, const protocol::StepOrder& order, Seen seen) {
  return names_unit(order) ? bring_unit_back(parts, order, seen) : start_container_again(parts, order, seen);
}

namespace {

Ability try_systemd() {
  constexpr const char* remedy = "run the agent where systemd is the first process, not in a container without it";
  const auto shown = ask_systemctl_now({"show", "--property=Version"}, ask_max);
  if (shown.has_value()) {
    std::string version = shown.value().substr(std::min(shown.value().find('=') + 1, shown.value().size()));
    version.erase(std::min(version.find('\n'), version.size()));
    return {.how = "systemd " + version};
  }
  std::error_code none;
  if (std::filesystem::is_directory("/run/systemd/system", none)) return {shown.error().context, remedy};
  std::string first;
  std::getline(std::ifstream{"/proc/1/comm"}, first);
  return {fmt::format("systemd does not run this host: its first process is {}, and there is no /run/systemd/system",
                      first.empty() ? "unknown" : first),
          remedy};
}

}  // namespace

Ability try_services() {
  const auto docker = try_docker(), systemd = try_systemd();
  if (docker.able() && systemd.able()) return {.how = docker.how + ", " + systemd.how};
  if (docker.able()) return {.how = docker.how + "; no units: " + systemd.obstacle};
  if (systemd.able()) return {.how = systemd.how + "; no containers: " + docker.obstacle};
  return {fmt::format("no containers: {}; no units: {}", docker.obstacle, systemd.obstacle),
          fmt::format("{}; or {}", docker.remedy, systemd.remedy)};
}

}  // namespace troop::agents
