#include "agents/host/process_selector.hpp"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace troop::agents {
namespace {

using Rows = std::span<const ProcessRow>;

const ProcessRow* find(Rows table, pid_t pid) {
  const auto found = std::ranges::find(table, pid, [](const ProcessRow& row) { return row.identity.pid; });
  return found == table.end() ? nullptr : &*found;
}

/// Parents of `pid`, the nearest first. A table is no snapshot: a pid that was used again must not make a circle.
std::set<pid_t> ancestors(Rows table, pid_t pid) {
  std::set<pid_t> found;
  for (const auto* row = find(table, pid); row != nullptr; row = find(table, row->parent)) {
    if (row->parent <= 0 || !found.insert(row->parent).second) break;
  }
  return found;
}

/// The agents of this host, whoever's they are, and all that they started.
std::set<pid_t> of_troop(Rows table, pid_t self) {
  const auto* agent = find(table, self);
  std::set<pid_t> found{self};
  for (const auto& row : table) {
    const bool same = agent != nullptr && !agent->executable.empty() && row.executable == agent->executable;
    if (same) found.insert(row.identity.pid);
  }
  for (bool more = true; more;) {
    more = false;
    for (const auto& row : table) more = (found.contains(row.parent) && found.insert(row.identity.pid).second) || more;
  }
  return found;
}

bool is_below(const std::string& group, const std::string& parent) {
  return group == parent || (group.starts_with(parent) && (parent.ends_with('/') || group[parent.size()] == '/'));
}

/// systemd makes a group for each unit, which has its name: "/system.slice/system-getty.slice/getty@tty1.service".
bool is_of_unit(std::string_view group, std::string_view unit) {
  while (!group.empty() && !unit.empty()) {
    const auto slash = std::min(group.find('/'), group.size());
    if (group.substr(0, slash) == unit) return true;
    group.remove_prefix(std::min(slash + 1, group.size()));
  }
  return false;
}

bool matches(const ProcessRow& row, const Selector& selector) {
  if (!selector.network.empty() && row.network != selector.network) return false;
  switch (selector.by) {
    case Selector::By::name:
      return row.command == selector.text || row.program == selector.text;
    case Selector::By::command_line:
      return row.command_line == selector.text || fnmatch(selector.text.c_str(), row.command_line.c_str(), 0) == 0;
    case Selector::By::pid:
      return row.identity.pid == selector.pid;
    case Selector::By::port:
      return std::ranges::any_of(row.sockets, [&](const auto& inode) { return selector.sockets.contains(inode); });
    case Selector::By::cgroup:
      return std::ranges::any_of(row.groups, [&](const auto& group) { return is_below(group, selector.text); });
    case Selector::By::unit:
      return std::ranges::any_of(row.groups, [&](const auto& group) { return is_of_unit(group, selector.text); });
    case Selector::By::container:
      return std::ranges::any_of(row.groups,
                                 [&](const auto& group) { return group.find(selector.text) != std::string::npos; });
  }
  return false;
}

bool is_named(const ProcessRow& row, std::string_view name) { return row.command == name || row.program == name; }

/// sshd, and since OpenSSH 9.8 its sshd-session and sshd-auth.
bool is_sshd(const ProcessRow& row) {
  return is_named(row, "sshd") || row.command.starts_with("sshd-") || row.program.starts_with("sshd-");
}

/// Why nobody may hit it; empty: one may.
std::string protection(const ProcessRow& row, const std::set<pid_t>& above_us, const std::set<pid_t>& controllers,
                       const Protected& never) {
  if (row.identity.pid == 1) return "it is the first process of this host";
  if (above_us.contains(row.identity.pid)) return "the agent was started by it, such as its controller";
  if (controllers.contains(row.identity.pid)) return "it is the agent's controller, or has started that";
  if (is_sshd(row)) return "it is the way into this host";
  for (const auto& name : never.names) {
    if (is_named(row, name)) return fmt::format("{} has \"{}\"", never.names_from, name);
  }
  return "";
}

std::size_t wanted_of(std::size_t all, const Selector& selector) {
  if (selector.count) return static_cast<std::size_t>(*selector.count);
  if (!selector.percent) return 1;
  return static_cast<std::size_t>(std::ceil(static_cast<double>(all) * *selector.percent / 100.0 - 1e-9));
}

}  // namespace

std::vector<ProcessRow> matching(Rows table, const Selector& selector, const Protected& never) {
  std::vector<ProcessRow> found;
  const auto ours = of_troop(table, never.self);
  for (const auto& row : table) {
    if (!row.is_kernel && !ours.contains(row.identity.pid) && matches(row, selector)) found.push_back(row);
  }
  return found;
}

Result<void> none_is_protected(Rows table, const std::set<pid_t>& pids, const std::string& written,
                               const Protected& never) {
  const auto above_us = ancestors(table, never.self), ours = of_troop(table, never.self);
  auto controllers = never.controller > 0 ? ancestors(table, never.controller) : std::set<pid_t>{};
  controllers.insert(never.controller);
  for (const auto& row : table) {
    if (!pids.contains(row.identity.pid)) continue;
    const auto why = ours.contains(row.identity.pid) ? "it is an agent of Troop, or was started by one"
                                                     : protection(row, above_us, controllers, never);
    if (why.empty()) continue;
    return usage_error(
        fmt::format("{} matches pid {} ({}), which is protected: {}", written, row.identity.pid, row.command, why));
  }
  return success();
}

Result<std::vector<ProcessRow>> choose(Rows table, const Selector& selector, const Protected& never, Random random) {
  auto found = matching(table, selector, never);
  if (found.empty()) return usage_error(fmt::format("no process matches {}", selector.written));
  std::set<pid_t> pids;
  for (const auto& row : found) pids.insert(row.identity.pid);
  BOOST_OUTCOME_TRY(none_is_protected(table, pids, selector.written, never));
  const std::size_t wanted = wanted_of(found.size(), selector);
  const auto kept = static_cast<std::size_t>(selector.keep_at_least);
  if (wanted + kept > found.size()) {
    return usage_error(fmt::format("{} processes match {}: too few to hit {} and keep at least {}", found.size(),
                                   selector.written, wanted, kept));
  }
  // In an order that does not depend on how /proc lists them, then shuffled (Fisher and Yates) as far as needed.
  std::ranges::sort(found, {}, [](const ProcessRow& row) {
    return std::pair{row.identity.start_time, row.identity.pid};
  });
  for (std::size_t i = 0; i < wanted; ++i) {
    std::swap(found[i], found[i + static_cast<std::size_t>(random.below(found.size() - i))]);
  }
  found.resize(wanted);
  std::ranges::sort(found, {}, [](const ProcessRow& row) { return row.identity.pid; });
  return found;
}

}  // namespace troop::agents
