#include "controller/cli/support.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>

#include "controller/probes/catalogue.hpp"
#include "reports/invariants/catalogue.hpp"
#include "scenarios/model/faults/catalogue.hpp"

namespace troop::controller {
namespace {

namespace fs = std::filesystem;

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

/// <prefix>/share/troop/library for a program in <prefix>/bin.
fs::path installed_library() {
  std::error_code failed;
  const fs::path program = fs::read_symlink("/proc/self/exe", failed);
  return failed ? fs::path{} : program.parent_path().parent_path() / "share/troop/library";
}

}  // namespace

Exit exit_for(const Error& error) {
  switch (error.kind) {
    case ErrorKind::usage:
      return Exit::usage;
    case ErrorKind::lost:
    case ErrorKind::timeout:
    case ErrorKind::protocol:
      return Exit::inconclusive;
    case ErrorKind::unrestored:
      return Exit::unrestored;
    case ErrorKind::cancelled:
      return Exit::interrupted;
  }
  return Exit::inconclusive;
}

const model::Catalogue& catalogue() {
  static const model::Catalogue all{
      .faults = model::faults(),
      .probes = probes(),
      .invariants = {invariants::catalogue().begin(), invariants::catalogue().end()},
  };
  return all;
}

bool write_all(std::FILE* to, std::string_view text) {
  return std::fwrite(text.data(), 1, text.size(), to) == text.size() && std::fflush(to) == 0;
}

int print_answer(std::string_view text) {
  if (write_all(stdout, text) || errno == EPIPE) return code(Exit::pass);
  return report_error(system_error(ErrorKind::lost, "standard output", errno));
}

int report_error(const Error& error) {
  write_all(stderr, fmt::format("troop: {}\n", printable(error.context)));
  return code(exit_for(error));
}

void print_problems(std::span<const scenarios::Problem> problems) {
  for (const auto& problem : problems) write_all(stderr, printable(scenarios::to_text(problem)) + "\n");
}

Result<std::vector<scenarios::Override>> parse_overrides(std::span<const std::string> texts) {
  std::vector<scenarios::Override> overrides;
  for (const auto& text : texts) {
    BOOST_OUTCOME_TRY(auto parsed, scenarios::parse_override(text));
    overrides.push_back(std::move(parsed));
  }
  return overrides;
}

std::string seed_problem(const std::string& text) {
  std::int64_t seed = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, failure] = std::from_chars(text.data(), end, seed);
  if (failure == std::errc{} && stopped == end && seed >= 0) return {};
  return fmt::format("'{}' is no seed: a whole number from 0 to {}", printable(text), INT64_MAX);
}

Result<fs::path> library_folder(const std::string& chosen) {
  if (!chosen.empty()) {
    if (is_folder(chosen)) return fs::path{chosen};
    return usage_error(fmt::format("--library {}: no such folder", chosen));
  }
  if (const char* set = std::getenv("TROOP_LIBRARY"); set != nullptr && *set != '\0') {
    if (is_folder(set)) return fs::path{set};
    return usage_error(fmt::format("TROOP_LIBRARY={}: no such folder", set));
  }
  const fs::path installed = installed_library(), source{TROOP_SOURCE_LIBRARY};
  for (const auto& place : {installed, source}) {
    if (is_folder(place)) return place;
  }
  return usage_error(
      fmt::format("no scenario library: neither {} nor {} is a folder; name one with --library or TROOP_LIBRARY",
                  installed.string(), source.string()));
}

fs::path find_scenario(const std::string& argument, const std::string& library) {
  std::error_code ignored;
  fs::path path{argument};
  if (fs::exists(path, ignored) || argument.empty() || path.is_absolute()) return path;
  const auto folder = library_folder(library);
  if (!folder) return path;
  for (const auto& candidate : {folder.value() / (argument + ".toml"), folder.value() / argument}) {
    if (fs::is_regular_file(candidate, ignored)) return candidate;
  }
  return path;
}

std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F)
      out += fmt::format("\\x{:02x}", byte);
    else
      out += c;
  }
  return out;
}

}  // namespace troop::controller
