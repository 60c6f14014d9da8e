// What the reader looks for, as data: the test that keeps the schema in step with the reader compares the two.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/model/catalogue.hpp"

namespace troop::scenarios {

/// One look for one key. A key may be looked for several times.
struct Asked {
  enum class As { anything, table, tables, value };
  std::string path;  ///< "workload.queue.name"; entries of lists as "step[].at".
  As as = As::anything;
  // The rest is for a value.
  model::ParameterType type = model::ParameterType::text;
  std::optional<double> minimum = {};  ///< Seconds for a duration, bytes for a text, entries for a list.
  std::optional<double> maximum = {};
  std::vector<std::string> choices = {};
  std::string fallback = {};  ///< What it is where the file does not say, if the reader knows by then.
};

/// What reading `text` as a scenario looks for, in that order, whether it is there or not. The insides of a table are
/// looked at only where the text has it. Nothing where the text is not TOML.
std::vector<Asked> asked_keys(const std::string& text, const model::Catalogue& catalogue);

}  // namespace troop::scenarios
