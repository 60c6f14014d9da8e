// troop plan: what would happen. Touches nothing.
#include "controller/plan/plan.hpp"

#include <fmt/format.h>

#include <boost/json/serialize.hpp>
#include <memory>
#include <optional>

#include "common/ids.hpp"
#include "controller/cli/commands.hpp"
#include "controller/cli/support.hpp"

namespace troop::controller {
namespace {

struct Options {
  std::string scenario, library, format = "text";
  std::vector<std::string> set;
  std::optional<std::uint64_t> seed;
};

int plan(const Options& options) {
  const auto overrides = parse_overrides(options.set);
  if (!overrides) return report_error(overrides.error());
  const auto reading =
      scenarios::read_scenario(find_scenario(options.scenario, options.library), catalogue(), overrides.value());
  if (!reading.scenario) {
    print_problems(reading.problems);
    return code(Exit::usage);
  }
  const auto planned = make_plan(*reading.scenario, catalogue(), options.seed ? *options.seed : fresh_seed());
  return print_answer(options.format == "json" ? boost::json::serialize(to_json(planned, *reading.scenario)) + "\n"
                                               : to_text(planned, *reading.scenario));
}

}  // namespace

void add_plan(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("plan", "Say what a run would do, when, and to whom; touches nothing");
  command->add_option("SCENARIO", options->scenario, "a scenario file, or a name from the library")->required();
  command->add_option("--seed", options->seed, "the seed of every random choice; a fresh one if not given")
      ->check(seed_problem);
  command->add_option("--set", options->set, "KEY=VALUE set over the file; may be repeated")->allow_extra_args(false);
  command->add_option("--library", options->library, "folder of ready scenarios");
  command->add_option("--format", options->format, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  command->footer("Example: troop plan broker/stop --seed 42 --set step.0.for=2s");
  command->callback([options, &exit_code] { exit_code = plan(*options); });
}

}  // namespace troop::controller
