#include "agents/daemon/host_state.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <ctime>

namespace troop::agents {
namespace {

namespace json = boost::json;

/// A guardian may be paying for an agent that was just ended.
constexpr Duration payment_min = std::chrono::seconds{5};

std::string field(const json::object& state, std::string_view name) {
  const json::value* value = state.if_contains(name);
  if (value == nullptr) return "?";
  return value->is_string() ? std::string{value->get_string()} : json::serialize(*value);
}

/// "broker, pid 4711"; the rest of a record is for the agent.
std::string what_of(const UndoRecord& record) {
  if (record.kind == "process")
    return fmt::format("{}, pid {}", field(record.state, "part"), field(record.state, "pid"));
  if (record.kind == "workspace" || record.kind == "control-group") return field(record.state, "path");
  // A fault on a broker that others run is written down with the whole order.
  const json::value* order = record.state.if_contains("order");
  const json::object& fault = order != nullptr && order->is_object() ? order->get_object() : record.state;
  return fault.contains("fault") ? fmt::format("{} on {}", field(fault, "fault"), field(fault, "victim")) : "";
}

std::string moment(std::int64_t wall_ns) {
  if (wall_ns <= 0) return "?";
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(static_cast<std::time_t>(wall_ns / 1'000'000'000)));
}

std::string since_of(const UndoRecord& record) { return moment(record.since_wall_ns); }

/// Of a fault that is held for a while: when that is over, about.
std::optional<std::string> until_of(const UndoRecord& record) {
  const json::value* held = record.state.if_contains("for_ns");
  if (held == nullptr || !held->is_int64() || record.since_wall_ns <= 0) return std::nullopt;
  return moment(record.since_wall_ns + held->get_int64());
}

std::optional<std::string> run_of(const UndoRecord& record) {
  const json::value* run = record.state.if_contains("run");
  if (run == nullptr || !run->is_string()) return std::nullopt;
  return std::string{run->get_string()};
}

std::string who(const JournalView& journal) {
  return journal.agent ? fmt::format("agent {}", journal.agent->pid) : "an agent that did not say who it is";
}

/// One that did not sign is taken for a living one: it may just have begun.
bool agent_lives(const JournalView& journal) { return journal.held && (!journal.agent || lives(*journal.agent)); }

std::string_view condition(const JournalView& journal) {
  if (!agent_lives(journal)) return "dead";
  return journal.agent && process_state(journal.agent->pid) == 'T' ? "stopped" : "alive";
}

Result<void> end_agent(const JournalView& journal, Duration patience) {
  if (!journal.agent) {
    return Error{ErrorKind::unrestored,
                 journal.path.string() + ": its agent lives, and it does not say which process that is"};
  }
  // Nobody waits for a hung agent: what it owes is on disk, and the kernel ends its parts with it.
  const bool hangs = process_state(journal.agent->pid) == 'T';
  if (!hangs) return end_stranger(*journal.agent, patience);
  BOOST_OUTCOME_TRY(const auto stranger, Stranger::find(journal.agent->pid));
  if (stranger.identity().start_time != journal.agent->start_time) return success();
  BOOST_OUTCOME_TRY(stranger.signal(SIGKILL));
  return end_stranger(*journal.agent, std::chrono::seconds{1});
}

}  // namespace

std::string to_text(std::span<const JournalView> journals) {
  std::string out;
  for (const auto& journal : journals) {
    out += fmt::format("{}, {}: {}\n", who(journal), condition(journal),
                       journal.debts.empty() ? "nothing to put back" : "to be put back, newest first");
    for (const auto& debt : journal.debts) {
      out += fmt::format("  since {}  {:<10} {}", since_of(debt), debt.kind, what_of(debt));
      if (const auto until = until_of(debt)) out += ", until " + *until;
      if (const auto run = run_of(debt)) out += ", for " + *run;
      out += '\n';
    }
  }
  return out.empty() ? "Nothing of Troop is in force on this host.\n" : out;
}

json::array to_json(std::span<const JournalView> journals) {
  json::array out;
  for (const auto& journal : journals) {
    json::array debts;
    for (const auto& debt : journal.debts) {
      const auto until = until_of(debt), run = run_of(debt);
      debts.push_back({{"kind", debt.kind},
                       {"what", what_of(debt)},
                       {"since", since_of(debt)},
                       {"until", until ? json::value(*until) : json::value()},
                       {"run", run ? json::value(*run) : json::value()}});
    }
    json::object one{{"journal", journal.path.string()}};
    one["agent"] = journal.agent ? json::value(journal.agent->pid) : json::value();
    one["condition"] = condition(journal);
    one["debts"] = std::move(debts);
    out.push_back(std::move(one));
  }
  return out;
}

Undone undo_all(const std::filesystem::path& folder, Duration patience, const Payer& others) {
  Undone undone;
  const auto complain = [&](const Error& error) { undone.problems.push_back(error.context); };
  auto before = look_at_journals(folder);
  if (before.has_error()) complain(before.error());
  for (const auto& journal : before ? before.value() : std::vector<JournalView>{}) {
    if (!agent_lives(journal)) continue;
    if (auto ended = end_agent(journal, patience); ended.has_error()) {
      complain(ended.error());
    } else {
      ++undone.agents;
    }
  }
  auto cleaned = clean_up_after_the_dead(folder, others, std::max(patience, payment_min));
  undone.debts = cleaned.undone;
  undone.problems.insert(undone.problems.end(), cleaned.problems.begin(), cleaned.problems.end());
  // Believed when seen: somebody may hold a journal whose agent is gone, and then nobody has paid it.
  const auto after = look_at_journals(folder);
  for (const auto& journal : after&& undone.problems.empty() ? after.value() : std::vector<JournalView>{}) {
    undone.problems.push_back(fmt::format("{}: {}, and {} to be put back", journal.path.string(),
                                          journal.held ? "somebody holds it" : "nobody holds it",
                                          journal.debts.size()));
  }
  return undone;
}

}  // namespace troop::agents
