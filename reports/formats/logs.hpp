// What a log may show in a report: without credentials, without control characters, and only what was said around a
// fault.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "reports/formats/run_document.hpp"

namespace troop::formats {

/// Lines of one excerpt, and bytes of one line; what is beyond is left out and counted.
inline constexpr std::size_t excerpt_lines_max = 40;
inline constexpr std::size_t excerpt_line_bytes_max = 400;

/// The same text with what looks like a credential replaced by "[redacted]": the user and password of a URL, and what
/// follows a word like "password" or "secret". It rather takes too much than too little.
std::string without_credentials(std::string_view text);

/// One line as valid UTF-8 without control characters and the terminal sequences that they begin.
std::string without_controls(std::string_view line);

/// What RabbitMQ's log ("2026-11-21 14:46:45.548242+00:00 [info] <0.223.0> text") says around each fault: from a second
/// before it was asked for to two seconds after its proven end. Warnings and errors come before the rest where there is
/// not room for all. `log` is a whole log or its end, `name` where it is kept; `started_wall_ns` is the run's begin on
/// the clock that wrote the log.
std::vector<LogExcerpt> excerpts(std::string_view log, std::string_view name, const std::vector<FaultRecord>& faults,
                                 Duration run_length, std::int64_t started_wall_ns);

}  // namespace troop::formats
