#include "agents/faults/selected_processes.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <filesystem>

#include "agents/faults/control_faults.hpp"
#include "agents/host/policy.hpp"
#include "agents/paused.hpp"
#include "agents/rabbitmq/docker_engine.hpp"
#include "scenarios/model/process_parameters.hpp"

namespace troop::agents {
namespace {

constexpr std::size_t told_max = 5;

std::string own_network() {
  std::error_code failure;
  return std::filesystem::read_symlink("/proc/thread-self/ns/net", failure).string();
}

/// The file may be anybody's: no waiting for a pipe, and no more than a number is read. Whoever may write it chooses
/// the victim: root and we may, and the process's own user.
Result<pid_t> pid_in(const std::string& path) {
  const UniqueFd fd{open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
  struct stat status {};
  if (!fd || fstat(fd.get(), &status) != 0) return system_error(ErrorKind::usage, "pid file " + path, errno);
  std::array<char, 32> text{};  // the last of them stays 0
  const ssize_t got = S_ISREG(status.st_mode) ? read(fd.get(), text.data(), text.size() - 1) : 0;
  pid_t pid = 0;
  const auto end = std::from_chars(text.data(), text.data() + std::max<ssize_t>(got, 0), pid);
  const bool ends_well = *end.ptr == '\0' || *end.ptr == '\n' || *end.ptr == ' ';
  if (end.ec != std::errc{} || !ends_well || pid <= 0) return usage_error("pid file " + path + " holds no pid");
  struct stat process {};
  const bool own = stat(fmt::format("/proc/{}", pid).c_str(), &process) == 0 && process.st_uid == status.st_uid;
  const bool trusted = own || status.st_uid == 0 || status.st_uid == geteuid();
  if (!trusted || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return usage_error("pid file " + path +
                       " could have been written by somebody else than root or the program's user");
  return pid;
}

Result<void> fill(Selector& selector, std::string_view key, const protocol::StepOrder& order) {
  using By = Selector::By;
  selector.text = text_parameter(order, key, "");
  selector.written = fmt::format("{} \"{}\"", key, selector.text);
  if (key == "port") {
    const auto port = integer_parameter(order, "port", 0);
    if (port < 1 || port > 65535) return usage_error(fmt::format("{}: there is no port {}", order.fault, port));
    BOOST_OUTCOME_TRY(const auto policy, read_policy());
    BOOST_OUTCOME_TRY(admits_port(policy, order.fault, static_cast<std::uint16_t>(port)));
    selector.by = By::port;
    selector.written = fmt::format("port {}", port);
    selector.sockets = listening_sockets(static_cast<std::uint16_t>(port));
    return success();
  }
  if (selector.text.empty()) return usage_error(fmt::format("{}: '{}' is empty", order.fault, key));
  if (key == "pid_file") {
    selector.by = By::pid;
    BOOST_OUTCOME_TRY(selector.pid, pid_in(selector.text));
  } else if (key == "container") {
    selector.by = By::container;
    BOOST_OUTCOME_TRY(const auto container, inspect_container(docker_socket(), selector.text));
    selector.text = container.id;
  } else {
    selector.by = key == "name" ? By::name : key == "cgroup" ? By::cgroup : key == "unit" ? By::unit : By::command_line;
  }
  return success();
}

std::string_view selecting_key(const protocol::StepOrder& order) {
  const auto key = std::ranges::find_if(model::process_selectors,
                                        [&](std::string_view name) { return order.parameters.contains(name); });
  return key == model::process_selectors.end() ? std::string_view{} : *key;
}

}  // namespace

bool selects_processes(const protocol::StepOrder& order) { return !selecting_key(order).empty(); }

Result<Selector> selector_of(Parts& parts, const protocol::StepOrder& order) {
  if (parts.find(order.victim) != nullptr)
    return usage_error(
        fmt::format("{}: '{}' is one process, of which nothing can be chosen", order.fault, order.victim));
  return selector_now(order);
}

Result<Selector> selector_now(const protocol::StepOrder& order) {
  Selector selector;
  if (auto filled = fill(selector, selecting_key(order), order); filled.has_error())
    return std::move(filled).error().within(order.fault);
  if (order.victim != model::local_target) selector.network = own_network();
  if (order.parameters.contains("count"))
    selector.count = std::max<std::int64_t>(integer_parameter(order, "count", 1), 1);
  if (const auto percent = order.parameters.find("percent"); percent != order.parameters.end()) {
    const auto* share = std::get_if<double>(&percent->second);
    if (share == nullptr || *share <= 0 || *share > 100) return usage_error(order.fault + ": 'percent' is none");
    selector.percent = *share;
  }
  selector.keep_at_least = std::max<std::int64_t>(integer_parameter(order, "keep_at_least", 0), 0);
  return selector;
}

Result<Protected> protected_here(const Parts& parts) {
  BOOST_OUTCOME_TRY(const auto policy, read_policy());
  return Protected{getpid(), policy.protected_processes, "'protected_processes' of policy file " + policy.path,
                   parts.controller()};
}

std::vector<ProcessRow> table_for(const Selector& selector) {
  auto table = read_process_table();
  if (selector.by != Selector::By::port) return table;
  for (auto& row : table) row.sockets = sockets_of(row.identity.pid);
  return table;
}

Result<std::vector<ProcessRow>> chosen_now(Parts& parts, const protocol::StepOrder& order) {
  BOOST_OUTCOME_TRY(const auto selector, selector_of(parts, order));
  BOOST_OUTCOME_TRY(const auto never, protected_here(parts));
  auto chosen = choose(table_for(selector), selector, never, Random{order.seed, order.fault});
  if (chosen.has_error()) return std::move(chosen).error().within(order.fault);
  return chosen;
}

Result<UndoRecord> plan_on_processes(Parts& parts, const protocol::StepOrder& order, std::string_view kind) {
  BOOST_OUTCOME_TRY(chosen_now(parts, order));
  return UndoRecord{std::string{kind}, {{"fault", order.fault}, {"victim", order.victim}}};
}

Result<void> look_at_processes(Parts& parts, const protocol::StepOrder& order, boost::json::object& state) {
  BOOST_OUTCOME_TRY(const auto chosen, chosen_now(parts, order));
  std::vector<ProcessIdentity> identities;
  for (const auto& row : chosen) identities.push_back(row.identity);
  state["processes"] = to_json(identities);
  return success();
}

Result<std::vector<Stranger>> pin(Parts& parts, const protocol::StepOrder& order, Seen seen) {
  BOOST_OUTCOME_TRY(auto selector, selector_of(parts, order));
  BOOST_OUTCOME_TRY(const auto never, protected_here(parts));
  std::vector<Stranger> pinned;
  for (const auto& wanted : processes_from(seen)) {
    auto found = Stranger::find(wanted.pid);
    if (found.has_error()) return std::move(found).error().within(order.fault);
    if (found.value().identity().start_time != wanted.start_time)
      return not_proven(order, fmt::format("pid {} is another process by now", wanted.pid));
    pinned.push_back(std::move(found).value());
  }
  // What is pinned may have become another program since, or somebody whom the policy protects.
  const auto table = table_for(selector);
  const auto still = matching(table, selector, never);
  for (const auto& process : pinned) {
    const bool is_there = std::ranges::any_of(still, [&](const ProcessRow& row) {
      return row.identity.pid == process.pid() && row.identity.start_time == process.identity().start_time;
    });
    if (!is_there)
      return not_proven(order, fmt::format("pid {} no longer matches {}", process.pid(), selector.written));
  }
  if (pinned.empty()) return not_proven(order, "no process was chosen");
  selector.count = 1;
  selector.percent.reset();
  selector.keep_at_least = 0;
  if (auto allowed = choose(table, selector, never, Random{0}); allowed.has_error())
    return std::move(allowed).error().within(order.fault);
  return pinned;
}

Result<std::optional<ControlGroup>> control_group_of(Parts& parts, const protocol::StepOrder& order) {
  const auto given = order.parameters.find("cgroup");
  if (Part* const part = parts.find(order.victim); part != nullptr) {
    if (given != order.parameters.end()) return usage_error("'cgroup' is for a host");
    BOOST_OUTCOME_TRY(auto own, part->own_group());
    const auto tried = own.id == 0 ? try_control_group_traffic() : Ability{};  // once, before the part is started
    if (!tried.able()) return usage_error(tried.obstacle + "; " + tried.remedy);
    return own;
  }
  if (given == order.parameters.end()) return std::nullopt;
  const auto* path = std::get_if<std::string>(&given->second);
  if (path == nullptr) return usage_error("'cgroup' is no text");
  BOOST_OUTCOME_TRY(auto group, find_control_group(*path));
  BOOST_OUTCOME_TRY(const auto never, protected_here(parts));
  const auto table = read_process_table();
  const auto pids = processes_in(group);
  BOOST_OUTCOME_TRY(none_is_protected(table, pids, fmt::format("cgroup \"{}\"", *path), never));
  const auto lives_here = [&, network = own_network()](const ProcessRow& row) {
    return pids.contains(row.identity.pid) && row.network == network;
  };
  if (std::ranges::none_of(table, lives_here)) {
    return usage_error(fmt::format("no process in the control group {} lives in this host's network", *path));
  }
  return group;
}

std::string told(const std::vector<Stranger>& processes) {
  std::string out;
  for (std::size_t i = 0; i < std::min(processes.size(), told_max); ++i) {
    out += fmt::format("{}pid {} ({})", i == 0 ? "" : ", ", processes[i].pid(), processes[i].command());
  }
  if (processes.size() > told_max) out += fmt::format(" and {} more", processes.size() - told_max);
  return out;
}

}  // namespace troop::agents
