#include "scenarios/toml/parameters.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "scenarios/toml/units.hpp"

namespace troop::scenarios {
namespace {

constexpr std::size_t max_list_entries = 64;

Duration seconds_or(const std::optional<double>& seconds, Duration other) {
  return seconds ? Duration{std::llround(*seconds * 1e9)} : other;
}

std::optional<model::Value> read_value(TableReader& reader, const model::Parameter& parameter) {
  using model::ParameterType;
  const double unbounded = std::numeric_limits<double>::max();
  switch (parameter.type) {
    case ParameterType::boolean: {
      bool value = false;
      return reader.boolean(parameter.name, value), value;
    }
    case ParameterType::integer: {
      std::int64_t value = 0;
      const auto bound = [](std::optional<double> limit, std::int64_t other) {
        return limit ? static_cast<std::int64_t>(*limit) : other;
      };
      reader.integer(parameter.name, value, bound(parameter.minimum, 0), bound(parameter.maximum, 1'000'000'000));
      return value;
    }
    case ParameterType::number: {
      double value = 0;
      reader.number(parameter.name, value, parameter.minimum.value_or(-unbounded),
                    parameter.maximum.value_or(unbounded));
      return value;
    }
    case ParameterType::duration: {
      Duration value{0};
      reader.duration(parameter.name, value, seconds_or(parameter.minimum, Duration{0}),
                      seconds_or(parameter.maximum, TableReader::longest_duration));
      return value;
    }
    case ParameterType::text: {
      std::string value;
      return reader.text(parameter.name, value), value;
    }
    case ParameterType::choice: {
      const auto chosen = reader.choice(parameter.name, parameter.choices);
      if (!chosen) return std::nullopt;
      return std::string{parameter.choices[*chosen]};
    }
    case ParameterType::text_list:
      break;
  }
  std::vector<std::string> list;
  reader.text_list(parameter.name, list, max_list_entries);
  const std::vector<std::string> known{parameter.choices.begin(), parameter.choices.end()};
  for (std::size_t i = 0; i < list.size() && !known.empty(); ++i) {
    if (std::ranges::find(known, list[i]) != known.end()) continue;
    reader.problem(fmt::format("{}.{}", parameter.name, i),
                   fmt::format("'{}': unknown entry {}{}", parameter.name, in_quotes(list[i]), hint(list[i], known)));
  }
  return list;
}

}  // namespace

void read_parameters(TableReader& reader, std::span<const model::Parameter> parameters, model::Parameters& out) {
  for (const auto& parameter : parameters) {
    if (reader.has(parameter.name)) {
      if (auto value = read_value(reader, parameter))
        out.insert_or_assign(std::string{parameter.name}, std::move(*value));
    } else if (parameter.required) {
      reader.require(parameter.name, parameter.what);
    } else if (!parameter.fallback.empty()) {
      if (auto value = parse_value(parameter, parameter.fallback)) {
        out.insert_or_assign(std::string{parameter.name}, std::move(value).value());
      }
    }
  }
}

}  // namespace troop::scenarios
