// troop validate: every mistake of every file at once.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <set>

#include "controller/cli/commands.hpp"
#include "controller/cli/support.hpp"

namespace troop::controller {
namespace {

namespace fs = std::filesystem;

struct Collected {
  std::vector<fs::path> files;
  std::vector<scenarios::Problem> problems;
};

/// Every *.toml below the folder, by name; links are not followed.
void collect_folder(const fs::path& folder, Collected& out) {
  std::error_code failed;
  std::set<fs::path> found;
  for (fs::recursive_directory_iterator entry{folder, failed}, end; !failed && entry != end; entry.increment(failed)) {
    std::error_code ignored;
    if (entry->path().extension() == ".toml" && entry->is_regular_file(ignored)) found.insert(entry->path());
  }
  if (failed)
    out.problems.push_back({folder.string(), 0, 0, "cannot be read: " + failed.message()});
  else if (found.empty())
    out.problems.push_back({folder.string(), 0, 0, "there is no .toml file below this folder"});
  out.files.insert(out.files.end(), found.begin(), found.end());
}

int validate(const std::vector<std::string>& paths, const std::string& library) {
  Collected collected;
  for (const auto& argument : paths) {
    const fs::path path = find_scenario(argument, library);
    std::error_code ignored;
    if (fs::is_directory(path, ignored))
      collect_folder(path, collected);
    else
      collected.files.push_back(path);
  }
  std::size_t problems = collected.problems.size();
  print_problems(collected.problems);
  for (const auto& file : collected.files) {
    const auto reading = scenarios::read_scenario(file, catalogue());
    print_problems(reading.problems);
    problems += reading.problems.size();
  }
  const auto plural = [](std::size_t n, std::string_view noun) {
    return fmt::format("{} {}{}", n, noun, n == 1 ? "" : "s");
  };
  if (problems == 0) {
    return print_answer(plural(collected.files.size(), "scenario") + ", no problems\n");
  }
  write_all(stderr, fmt::format("{}, {}\n", plural(collected.files.size(), "scenario"), plural(problems, "problem")));
  return code(Exit::usage);
}

}  // namespace

void add_validate(CLI::App& app, int& exit_code) {
  struct Options {
    std::vector<std::string> paths;
    std::string library;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("validate", "Check scenarios; show every mistake of every file as file:line:column");
  command->add_option("PATH", options->paths, "scenario files, folders (every .toml below), or names from the library")
      ->required();
  command->add_option("--library", options->library, "folder of ready scenarios");
  command->footer("Example: troop validate scenarios/library my-scenario.toml");
  command->callback([options, &exit_code] { exit_code = validate(options->paths, options->library); });
}

}  // namespace troop::controller
