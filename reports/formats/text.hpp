// Small pieces of text that several documents share.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/clock.hpp"

namespace troop::formats {

/// The same text with every byte that is not UTF-8 replaced by U+FFFD, so that no document is malformed by what it
/// quotes.
std::string valid_utf8(std::string_view text);

/// For a terminal: valid UTF-8, and control characters shown as "\x1b", so that a quoted text cannot steer the
/// terminal.
std::string printable(std::string_view text);

/// 1234567 → "1,234,567".
std::string grouped(std::int64_t number);

/// A moment of the run: "+5.123 s".
std::string moment(Duration at);

/// A length of time, as short as it stays true: "41 ms", "5.13 s", "2 min 05 s".
std::string span_text(Duration length);
std::string span_text(Duration from, Duration to);
std::string span_text_ms(std::int64_t milliseconds);

/// Milliseconds as a person reads them: "0.8 ms", "12 ms", "1.2 s".
std::string latency_text(double milliseconds);

/// "2026-11-21 07:57:33 UTC".
std::string wall_text(std::int64_t wall_ns);

/// "2026-11-21T07:57:33.123Z".
std::string wall_iso(std::int64_t wall_ns);

/// "a, b and c".
std::string listed(const std::vector<std::string>& items);

/// "1 fault", "3 faults".
std::string plural(std::int64_t count, std::string_view noun);
/// For nouns that take more than an s: "1 anomaly", "3 anomalies".
std::string plural(std::int64_t count, std::string_view one, std::string_view many);

}  // namespace troop::formats
