// The strict reader of scenario files: every mistake of a file at once, each with its place, and nothing guessed.
//
// What may be asked for is data: the caller hands the catalogue in. The keys are documented in scenarios/README.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/error.hpp"
#include "scenarios/model/catalogue.hpp"
#include "scenarios/model/scenario.hpp"

namespace troop::scenarios {

/// One mistake. `line` and `column` count from 1 (columns in code points); 0 where there is no place within the file.
struct Problem {
  std::string file;  ///< As the caller named it; "--set KEY" where an override is at fault: never its value.
  std::int64_t line = 0;
  std::int64_t column = 0;
  std::string message;
};

/// "file:3:1: unknown key 'duraton', did you mean 'duration'?"
std::string to_text(const Problem& problem);

/// `--set workload.rate=500`. Entries of lists are numbered from 0: `step.0.for=2s`.
struct Override {
  std::string key, value;
};

/// "key=value" as typed after --set. Errors: usage, without the value.
Result<Override> parse_override(std::string_view text);

/// A file of more bytes than this is refused unread.
inline constexpr std::uintmax_t max_file_bytes = 1024 * 1024;
/// More problems than this in one file are counted, not listed.
inline constexpr std::size_t max_problems = 500;

struct ScenarioReading {
  std::optional<model::Scenario> scenario;  ///< Only when there is no problem at all.
  std::vector<Problem> problems;            ///< By line and column.
  std::string source;                       ///< The file's text as read; empty when it could not be read.
};

/// Reads, overrides, checks. Defaults of parameters are filled in from the catalogue; steps are ordered by `at`.
/// Reads one file and blocks for it; never throws for what a file holds.
ScenarioReading read_scenario(const std::filesystem::path& path, const model::Catalogue& catalogue,
                              std::span<const Override> overrides = {});

struct InvariantsReading {
  std::vector<model::InvariantSpec> invariants;
  std::vector<Problem> problems;
};

/// A file of [[invariant]] only, or a whole scenario, which must then be right as a whole. No invariant is a problem.
InvariantsReading read_invariants(const std::filesystem::path& path, const model::Catalogue& catalogue);

/// "1.5s", "200 ms", "0s"; units ns, us, ms, s, m, h; between zero and `longest`. Errors: usage.
Result<Duration> parse_duration(std::string_view text, Duration longest = std::chrono::hours{24});

}  // namespace troop::scenarios
