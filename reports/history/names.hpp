// The words of the format, in both directions.
#pragma once

#include <optional>
#include <string_view>

#include "reports/history/event.hpp"

namespace troop::history {

/// The closed set of types; nothing for any other text.
std::optional<Type> type_of(std::string_view text);
std::string_view to_text(Type type);

/// What an event is about; `other` for a word this version does not know.
Subject subject_of(std::string_view text);
/// As written in a history; empty for `other`.
std::string_view to_text(Subject subject);

}  // namespace troop::history
