// Text of a scenario to values, and what to say when it is none. Knows no TOML.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/error.hpp"
#include "scenarios/model/catalogue.hpp"
#include "scenarios/model/scenario.hpp"

namespace troop::scenarios {

/// "< 500ms" for a measure that is a duration, ">= 0.999" for one that is a number. Errors: usage.
Result<model::Bound> parse_bound(const model::Parameter& measure, std::string_view text);

/// The value that `text` means for this parameter, as a scenario would say it; how defaults are read. Errors: usage.
Result<model::Value> parse_value(const model::Parameter& parameter, std::string_view text);

/// The known name that `name` is most likely a slip of, if any is near enough (optimal string alignment distance).
std::optional<std::string> nearest(std::string_view name, std::span<const std::string> known);

/// ", did you mean 'x'?" or, where nothing is near, "; known: a, b, c".
std::string hint(std::string_view name, std::span<const std::string> known);

/// Whether `text` is UTF-8 with neither control nor text-direction characters: safe to print anywhere.
bool is_printable(std::string_view text);

/// The byte at which `text` stops being UTF-8 (RFC 3629: no surrogates, no overlong forms), or npos.
std::size_t invalid_utf8(std::string_view text);

/// In double quotes, shortened, and made of printable ASCII and valid UTF-8 only. Of a URL only the scheme, since the
/// rest may hold a password: "amqp://…".
std::string in_quotes(std::string_view text);

}  // namespace troop::scenarios
