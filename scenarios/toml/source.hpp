// The text of a file, or why it cannot be a scenario. Knows no TOML.
#pragma once

#include <filesystem>
#include <string>

#include "scenarios/toml/reader.hpp"

namespace troop::scenarios {

/// A longer line is no scenario; also bounds how deep dotted keys can nest.
inline constexpr std::size_t max_line_bytes = 4096;

struct SourceReading {
  std::string text;
  std::optional<Problem> problem;
};

/// Reads at most `max_file_bytes`; opens nothing that could block or be endless (a pipe, a device).
SourceReading read_source(const std::filesystem::path& path);

}  // namespace troop::scenarios
