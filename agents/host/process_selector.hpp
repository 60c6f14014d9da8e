// Which processes of a host a fault means, and which it never hits. Pure: the table of processes comes in.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "agents/host/process_table.hpp"
#include "common/ids.hpp"

namespace troop::agents {

struct Selector {
  enum class By { name, command_line, pid, port, cgroup, unit, container };
  By by = By::name;
  std::string written;  ///< For people: "port 5672".
  std::string text;     ///< The name, the command line or its pattern, the cgroup, the unit, the container's id.
  pid_t pid = 0;        ///< By pid.
  std::set<std::string> sockets;  ///< By port: those that listen there.
  std::string network;            ///< Of a host that is a network: only processes that live in it. Empty: all.
  // Of those that match, so many are hit: `count`, or `percent` rounded up; else one.
  std::optional<std::int64_t> count;
  std::optional<double> percent;
  std::int64_t keep_at_least = 0;  ///< So many that match are left alone.
};

/// Whom nobody may hit.
struct Protected {
  pid_t self = 0;                         ///< The agent: it, what it started and what started it are spared.
  std::vector<std::string> names = {};    ///< More of them, from the host's policy.
  std::string names_from = "the policy";  ///< Where they are from, for people.
  pid_t controller = 0;                   ///< It and what started it are spared, too.
};

/// Every process that matches. What belongs to an agent of Troop (itself, its guardian, the parts of a run) is not
/// offered: parts have names of their own.
std::vector<ProcessRow> matching(std::span<const ProcessRow> table, const Selector& selector, const Protected& never);

/// Nobody of `pids` is an agent of Troop or started by one, or else protected. Errors: usage, with `written` for
/// people.
Result<void> none_is_protected(std::span<const ProcessRow> table, const std::set<pid_t>& pids,
                               const std::string& written, const Protected& never);

/// Those to hit, in the order of their pids: a seeded choice among all that match. Errors: usage, where nothing
/// matches, or not enough, or one that matches is protected.
Result<std::vector<ProcessRow>> choose(std::span<const ProcessRow> table, const Selector& selector,
                                       const Protected& never, Random random);

}  // namespace troop::agents
