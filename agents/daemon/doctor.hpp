// Which faults this host can do, and what would enable the others: `troop-agent doctor`. Everything is tried, and
// leaves no trace; nothing is taken from names and versions.
#pragma once

#include <boost/json/object.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "agents/host/ability.hpp"

namespace troop::agents {

struct Finding {
  std::string name;
  Ability ability;
};

struct Examination {
  std::string host, kernel, user;
  std::string policy;              ///< Its path; empty: there is none.
  std::string environment;         ///< That the policy names.
  std::string veto;                ///< "vetoed by …"; empty: there is none.
  std::vector<Finding> abilities;  ///< What several faults, or hosts of a scenario, need.
  std::vector<Finding> faults;     ///< All of them, by name; the policy has its say.
  /// A run may begin here, with any fault.
  [[nodiscard]] bool all_able() const;
};

/// Blocks for a few seconds at most. `state_folder`: of the undo journals.
Examination examine(const std::filesystem::path& state_folder);

/// A line for each finding, aligned and in groups: name, yes or no, why not, what would enable it.
std::string to_text(const Examination& examination);
/// {"host","kernel","user","policy","environment","veto","abilities":[FINDING],"faults":[FINDING]}; FINDING is
/// {"name","able","how","why","remedy"}. What does not apply is null.
boost::json::object to_json(const Examination& examination);

}  // namespace troop::agents
