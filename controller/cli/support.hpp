// What several commands share: the catalogue, the library, exit codes, and how problems are shown.
#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/error.hpp"
#include "scenarios/model/catalogue.hpp"
#include "scenarios/toml/reader.hpp"

namespace troop::controller {

/// The exit codes of every `troop` command.
enum class Exit : int {
  pass = 0,
  fail = 1,          ///< An invariant is violated, or an expected anomaly did not show.
  usage = 2,         ///< Usage, scenario or history wrong; nothing was touched.
  inconclusive = 3,  ///< The evidence says neither yes nor no.
  unrestored = 4,    ///< Something could not be put back; wins over all others.
  interrupted = 130,
  terminated = 143,
};

inline int code(Exit exit) { return static_cast<int>(exit); }

/// The code for a command that ended with this error.
Exit exit_for(const Error& error);

/// All that this build knows: faults, probes, invariants. Lives as long as the program.
const model::Catalogue& catalogue();

/// Writes all of `text` and flushes. False: nobody can read it (closed pipe, full disk; errno says). Never throws,
/// unlike fmt::print: a run whose watcher has left goes on, and puts the host back.
bool write_all(std::FILE* to, std::string_view text);

/// Writes on stdout what the command was asked for; returns its exit code: pass, also for a reader that wanted no more
/// of it (a closed pipe); inconclusive where it could not be written.
int print_answer(std::string_view text);

/// "troop: <context>" on stderr; returns the exit code.
int report_error(const Error& error);

/// One line each on stderr: "file:line:column: message".
void print_problems(std::span<const scenarios::Problem> problems);

/// The texts given to --set, in their order. Errors: usage, naming the first text that is not key=value.
Result<std::vector<scenarios::Override>> parse_overrides(std::span<const std::string> texts);

/// What is wrong with a seed as it was typed; empty if nothing is. Seeds are 0 to 2^63 - 1, so that every document and
/// every reader of JSON keeps them.
std::string seed_problem(const std::string& text);

/// Where the ready scenarios are: `chosen` (--library) if not empty, else $TROOP_LIBRARY, else beside the installed
/// program, else the source tree this was built from. Errors: usage, naming the places looked at.
Result<std::filesystem::path> library_folder(const std::string& chosen = {});

/// A SCENARIO argument: a file's path, or a library name such as "broker/stop". A path wins. What names nothing comes
/// back as it is, so that the reader says that there is no such file. Never fails.
std::filesystem::path find_scenario(const std::string& argument, const std::string& library = {});

/// Text for a terminal: control characters as \xNN, so that a file's content cannot drive the terminal.
std::string printable(std::string_view text);

}  // namespace troop::controller
