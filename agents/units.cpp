#include "agents/units.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <charconv>
#include <iterator>
#include <map>
#include <optional>
#include <sstream>

#include "agents/protocol/spawn.hpp"

namespace troop::agents {
namespace json = boost::json;
namespace {

constexpr Duration show_max = std::chrono::seconds{3};
constexpr Duration start_max = std::chrono::seconds{30};
constexpr Duration running_max = std::chrono::seconds{3};
/// For one that is on its way down, or up.
constexpr Duration settled_max = std::chrono::seconds{25};
/// What was asked for just before an agent died is a job by then.
constexpr Duration second_look = std::chrono::milliseconds{300};
constexpr Duration look_interval = std::chrono::milliseconds{50};
constexpr std::string_view properties =
    "--property=Id,Names,LoadState,ActiveState,SubState,Result,InvocationID,ControlGroup,Restart,MainPID,ControlPID,"
    "CanStart,CanStop,Transient,Job,TriggeredBy,RequiredBy,RequisiteOf,BoundBy,ConsistsOf,PropagatesStopTo,"
    "FailureAction,SuccessAction,StartLimitAction";

std::string text(const json::object& fields, std::string_view name) {
  const json::value* field = fields.if_contains(name);
  return field != nullptr && field->is_string() ? std::string{field->get_string()} : std::string{};
}

/// Lines KEY=VALUE, in systemd's own order. Lines that are no properties are warnings.
using Properties = std::map<std::string, std::string, std::less<>>;
Properties properties_in(std::string_view shown) {
  Properties found;
  std::istringstream lines{std::string{shown}};
  for (std::string line; std::getline(lines, line);) {
    if (const auto equals = line.find('='); equals != std::string::npos)
      found.try_emplace(line.substr(0, equals), line.substr(equals + 1));
  }
  return found;
}

std::vector<std::string> words_in(const std::string& value) {
  std::istringstream words{value};
  std::vector<std::string> found;
  for (std::string word; words >> word;) found.push_back(std::move(word));
  return found;
}

pid_t pid_in(const std::string& value) {
  pid_t pid = 0;
  (void)std::from_chars(value.data(), value.data() + value.size(), pid);
  return std::max(pid, 0);
}

/// In one of these states nothing can be said yet: it is on its way.
bool is_on_its_way(const Unit& unit) { return (!unit.runs() && !unit.is_down()) || unit.has_job; }

/// Why it is not ours to start; empty: it is.
std::string not_ours(const Unit& now, const json::object& seen) {
  const bool killed = seen.contains("killed") && seen.at("killed") == json::value(true);
  const bool may_come_back = killed && seen.contains("comes_back") && seen.at("comes_back") == json::value(true);
  if (now.load == "masked" || now.load == "not-found")
    return fmt::format("is {} by now: somebody else did that, and it is left alone", now.load);
  const bool another_life = !now.invocation.empty() && now.invocation != text(seen, "invocation");
  const bool died_of_it = now.active == "failed" && may_come_back;
  if ((another_life && !died_of_it) || (may_come_back && now.active == "inactive"))
    return fmt::format("is {}: somebody else has stopped it since, and it is left alone", now.told());
  return "";
}

asio::awaitable<Result<Unit>> settled(std::string name, std::string before) {
  const std::int64_t begun = monotonic_ns();
  BOOST_OUTCOME_CO_TRY(auto now, co_await inspect_unit(name));
  while (true) {
    const Duration waited{monotonic_ns() - begun};
    // One that still runs as it did before may have been told to stop just now.
    const bool may_go_down = now.runs() && now.invocation == before && waited < second_look;
    if (!may_go_down && !is_on_its_way(now)) break;
    if (waited > settled_max) break;
    co_await pause_for(look_interval);
    BOOST_OUTCOME_CO_TRY(now, co_await inspect_unit(name));
  }
  co_return now;
}

asio::awaitable<Result<std::string>> started_again(std::string name, json::object seen) {
  const std::string before = text(seen, "invocation");
  BOOST_OUTCOME_CO_TRY(auto now, co_await settled(name, before));
  if (now.is_down()) {
    if (const auto why = not_ours(now, seen); !why.empty()) co_return "it " + why;
    if (now.result == "start-limit-hit") {
      const std::vector<std::string> forget{"reset-failed", "--", name};
      BOOST_OUTCOME_CO_TRY(co_await ask_systemctl(forget, show_max));
    }
  }
  if (!now.runs()) {
    // One that waits for its time to be started again is not moved by "start"; one that still goes down is started
    // then.
    const std::vector<std::string> start{now.sub == "auto-restart" ? "restart" : "start", "--", name};
    BOOST_OUTCOME_CO_TRY(co_await ask_systemctl(start, start_max));
  }
  const std::int64_t deadline = monotonic_ns() + running_max.count();
  while (true) {
    BOOST_OUTCOME_CO_TRY(now, co_await inspect_unit(name));
    if (now.runs()) co_return fmt::format("it is {}, pid {}", now.told(), now.main_pid);
    if (monotonic_ns() > deadline) co_return Error{ErrorKind::unrestored, "it is " + now.told()};
    co_await pause_for(look_interval);
  }
}

}  // namespace

std::vector<std::string> show_unit(const std::string& name) { return {"show", std::string{properties}, "--", name}; }

Result<Unit> unit_from(std::string_view shown) {
  const auto found = properties_in(shown);
  const auto value = [&](std::string_view name) {
    const auto at = found.find(name);
    return at == found.end() ? std::string{} : at->second;
  };
  Unit unit;
  unit.id = value("Id");
  unit.names = words_in(value("Names"));
  unit.load = value("LoadState");
  unit.active = value("ActiveState");
  unit.sub = value("SubState");
  if (unit.id.empty() || unit.load.empty() || unit.active.empty())
    return Error{ErrorKind::lost, "systemctl tells of no unit"};
  unit.result = value("Result");
  unit.invocation = value("InvocationID");
  unit.control_group = value("ControlGroup");
  unit.restart = value("Restart");
  unit.main_pid = pid_in(value("MainPID"));
  unit.control_pid = pid_in(value("ControlPID"));
  unit.can_start = value("CanStart") == "yes";
  unit.can_stop = value("CanStop") == "yes";
  unit.transient = value("Transient") == "yes";
  unit.has_job = pid_in(value("Job")) != 0;
  unit.triggered_by = words_in(value("TriggeredBy"));
  unit.bound_to_it = words_in(value("BoundBy"));
  for (const char* name : {"RequiredBy", "RequisiteOf", "BoundBy", "ConsistsOf", "PropagatesStopTo"}) {
    std::ranges::move(words_in(value(name)), std::back_inserter(unit.stopped_with));
  }
  for (const char* name : {"FailureAction", "SuccessAction", "StartLimitAction"}) {
    const auto action = value(name);
    if (!action.empty() && action != "none") unit.last_resorts.push_back(fmt::format("{}={}", name, action));
  }
  return unit;
}

asio::awaitable<Result<Unit>> inspect_unit(std::string name) {
  BOOST_OUTCOME_CO_TRY(const auto shown, co_await ask_systemctl(show_unit(name), show_max));
  co_return unit_from(shown);
}

Result<Unit> inspect_unit_now(const std::string& name) {
  auto shown = ask_systemctl_now(show_unit(name), show_max);
  if (shown.has_error()) return usage_error(shown.error().context);
  return unit_from(shown.value());
}

Result<std::vector<std::string>> active_among(const std::vector<std::string>& names) {
  std::vector<std::string> found;
  if (names.empty()) return found;
  std::vector<std::string> arguments{"show", "--property=Id,ActiveState", "--"};
  arguments.insert(arguments.end(), names.begin(), names.end());
  auto shown = ask_systemctl_now(std::move(arguments), show_max);
  if (shown.has_error()) return usage_error(shown.error().context);
  // One after the other, with an empty line between them.
  const std::string& all = shown.value();
  for (std::size_t at = 0; at < all.size();) {
    const auto end = std::min(all.find("\n\n", at), all.size());
    const auto each = properties_in(std::string_view{all}.substr(at, end - at));
    const auto id = each.find("Id"), state = each.find("ActiveState");
    if (id != each.end() && state != each.end() && state->second != "inactive" && state->second != "failed")
      found.push_back(id->second);
    at = end + 2;
  }
  return found;
}

std::vector<ProcessIdentity> processes_of(const Unit& unit, std::span<const ProcessRow> table) {
  std::vector<ProcessIdentity> found;
  const std::string& own = unit.control_group;
  for (const auto& row : table) {
    const bool inside = own.size() > 1 && std::ranges::any_of(row.groups, [&](const std::string& group) {
                          return group == own || group.starts_with(own + "/");
                        });
    const pid_t pid = row.identity.pid;
    if (inside || pid == unit.main_pid || pid == unit.control_pid) found.push_back(row.identity);
  }
  return found;
}

json::object to_json(const Unit& unit, bool killed) {
  return {{"id", unit.id},
          {"invocation", unit.invocation},
          {"boot_id", boot_id()},
          {"killed", killed},
          {"comes_back", unit.comes_back()}};
}

asio::awaitable<Result<std::string>> start_unit_again(json::object state) {
  const json::value* seen = state.if_contains("unit");
  if (seen == nullptr || !seen->is_object()) co_return std::string{"nothing was stopped"};
  const std::string name = text(seen->get_object(), "id");
  if (text(seen->get_object(), "boot_id") != boot_id())
    co_return fmt::format("this host was started anew since, and systemd has started unit {} as it should", name);
  auto done = co_await started_again(name, seen->get_object());
  if (done.has_error()) co_return Error{ErrorKind::unrestored, fmt::format("unit {}: {}", name, done.error().context)};
  co_return fmt::format("unit {}: {}", name, done.value());
}

namespace {

asio::awaitable<void> keep_result(const json::object& state, std::optional<Result<std::string>>& result) {
  result.emplace(co_await start_unit_again(state));
}

}  // namespace

Result<std::string> start_unit_again_now(const json::object& state) {
  asio::io_context io{1};
  std::optional<Result<std::string>> result;
  protocol::spawn(io, keep_result(state, result));
  io.run();
  return std::move(*result);
}

}  // namespace troop::agents
