// A parameter's value, after the reader has checked its type.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "common/clock.hpp"

namespace troop::model {

using Value = std::variant<bool, std::int64_t, double, Duration, std::string, std::vector<std::string>>;
using Parameters = std::map<std::string, Value, std::less<>>;

/// "1.5s", "200ms", "0s": the shortest text that reads back as the same duration.
std::string to_text(Duration duration);
/// As a person would write it in a scenario.
std::string to_text(const Value& value);

}  // namespace troop::model
