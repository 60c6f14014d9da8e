#include "agents/daemon/doctor.hpp"

#include <fmt/format.h>
#include <pwd.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <map>

#include "agents/fault.hpp"
#include "agents/host/policy.hpp"
#include "agents/undo_journal.hpp"
#include "agents/veto.hpp"

namespace troop::agents {
namespace json = boost::json;
namespace {

std::string user_name() {
  const passwd* entry = getpwuid(geteuid());
  return entry == nullptr ? std::to_string(geteuid()) : entry->pw_name;
}

/// Without it nothing is ever changed: what has to be put back is written down first.
Ability try_undo_journal(const std::filesystem::path& folder) {
  auto journal = UndoJournal::create(folder);
  if (journal.has_error()) {
    return {"what has to be put back cannot be written down: " + journal.error().context,
            "make that folder writable for this user, or set TROOP_STATE_DIR to another"};
  }
  journal.value().close();
  return {};
}

/// Each way of trying once: many faults need the same.
class Tries {
 public:
  const Ability& operator()(Ability (*able)()) {
    const auto [found, is_new] = seen_.try_emplace(able);
    if (is_new && able != nullptr) found->second = able();
    return found->second;
  }

 private:
  std::map<Ability (*)(), Ability> seen_;
};

Ability allowed(const Result<Policy>& policy, std::string_view fault) {
  if (policy.has_error()) return {policy.error().context, "mend the policy file"};
  const auto admitted = admits_fault(policy.value(), fault, std::nullopt);
  if (admitted.has_error()) return {admitted.error().context, "change the policy, if that is not meant"};
  return {};
}

/// The first of them that says no, else the last.
const Ability& all_of(const Ability& first, const Ability& second, const Ability& third) {
  if (!first.able()) return first;
  return second.able() ? third : second;
}

void add_lines(std::string& out, const std::vector<Finding>& findings, std::size_t width) {
  std::string_view group;
  for (const auto& [name, ability] : findings) {
    const std::string_view own = std::string_view{name}.substr(0, name.find('.'));
    if (!group.empty() && name.find('.') != std::string::npos && own != group) out += '\n';
    group = own;
    const std::string text = ability.able() ? ability.how : ability.obstacle + "; " + ability.remedy;
    const std::string line = fmt::format("{:<{}}  {:<3}  {}", name, width, ability.able() ? "yes" : "no", text);
    out += line.substr(0, line.find_last_not_of(' ') + 1) + '\n';
  }
}

json::value text_or_null(const std::string& text) {
  return text.empty() ? json::value() : json::value(text);  // braces would make a list of it
}

json::array findings_json(const std::vector<Finding>& findings) {
  json::array out;
  for (const auto& [name, ability] : findings) {
    out.push_back({{"name", name},
                   {"able", ability.able()},
                   {"how", text_or_null(ability.how)},
                   {"why", text_or_null(ability.obstacle)},
                   {"remedy", text_or_null(ability.remedy)}});
  }
  return out;
}

}  // namespace

bool Examination::all_able() const {
  return veto.empty() && std::ranges::all_of(faults, [](const Finding& each) { return each.ability.able(); });
}

Examination examine(const std::filesystem::path& state_folder) {
  Examination found;
  utsname system{};
  uname(&system);
  found.host = system.nodename;
  found.kernel = fmt::format("{} {} {}", system.sysname, system.release, system.machine);
  found.user = user_name();
  const auto policy = read_policy();
  if (policy.has_value()) {
    found.policy = policy.value().path;
    found.environment = policy.value().environment;
  }
  if (const auto vetoed = not_vetoed(state_folder); vetoed.has_error()) found.veto = vetoed.error().context;

  Tries tries;
  const Ability journal = try_undo_journal(state_folder);
  found.abilities = {{"undo journal", journal},
                     {"processes", tries(try_processes)},
                     {"network namespaces", tries(try_network_namespaces)},
                     {"nftables", tries(try_nftables)},
                     {"traffic by cgroup", tries(try_control_group_traffic)}};
  for (const auto& fault : faults()) {
    found.faults.push_back({std::string{fault.name}, all_of(allowed(policy, fault.name), journal, tries(fault.able))});
  }
  std::ranges::sort(found.faults, {}, &Finding::name);
  return found;
}

std::string to_text(const Examination& examination) {
  std::string out = fmt::format("{}, {}, as {}\n", examination.host, examination.kernel, examination.user);
  if (!examination.policy.empty()) out += fmt::format("policy {}\n", examination.policy);
  if (!examination.environment.empty()) out += fmt::format("environment {}\n", examination.environment);
  if (!examination.veto.empty()) out += examination.veto + "; nothing begins here while that file is there\n";
  std::size_t width = 0;
  for (const auto* findings : {&examination.abilities, &examination.faults}) {
    for (const auto& each : *findings) width = std::max(width, each.name.size());
  }
  out += '\n';
  add_lines(out, examination.abilities, width);
  out += '\n';
  add_lines(out, examination.faults, width);
  const auto able = std::ranges::count_if(examination.faults, [](const Finding& each) { return each.ability.able(); });
  out += fmt::format("\n{} of {} faults can be done here.\n", able, examination.faults.size());
  return out;
}

json::object to_json(const Examination& examination) {
  json::object out{{"host", examination.host}, {"kernel", examination.kernel}, {"user", examination.user}};
  out["policy"] = text_or_null(examination.policy);
  out["environment"] = text_or_null(examination.environment);
  out["veto"] = text_or_null(examination.veto);
  out["abilities"] = findings_json(examination.abilities);
  out["faults"] = findings_json(examination.faults);
  return out;
}

}  // namespace troop::agents
