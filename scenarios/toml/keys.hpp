// The keys of a scenario that are the same in every file, as data: what the schema is made of. The keys that faults,
// probes and invariants add are in their catalogues.
//
// sections.cpp reads them, and a test holds this table to it: to add a key, read it there, add its row here, and run
// ./dev test unit_toml. It says what differs.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "scenarios/model/catalogue.hpp"

namespace troop::scenarios {

/// Of a name: TextRule::lower_case_name as a regular expression.
inline constexpr std::string_view name_pattern = "^[a-z0-9-]+$";

struct Key {
  enum class As { table, tables, value };
  std::string_view path;  ///< "workload.queue.name"; keys of the entries of a list as "step[].at".
  As as = As::value;
  std::string_view what = {};  ///< One line, with the unit.
  bool required = false;       ///< Within its table.
  // The rest is for a value.
  model::ParameterType type = model::ParameterType::text;
  std::string_view fallback = {};      ///< As written in a scenario; empty: none, or empty text.
  std::optional<double> minimum = {};  ///< Inclusive; seconds for a duration; bytes of a text; entries of a list.
  std::optional<double> maximum = {};
  std::vector<std::string_view> choices = {};
  std::string_view pattern = {};  ///< Of a text, or of each entry of a list of texts: a regular expression (ECMA-262).
};

/// Every key, each table before what is in it.
std::span<const Key> keys();

}  // namespace troop::scenarios
