// troop run SCENARIO: the main job.
#include "controller/run/run.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <optional>

#include "common/ids.hpp"
#include "controller/cli/commands.hpp"
#include "controller/cli/support.hpp"
#include "controller/cli/watch.hpp"
#include "controller/run/evidence.hpp"
#include "reports/formats/formats.hpp"
#include "reports/invariants/control.hpp"

namespace troop::controller {
namespace fs = std::filesystem;
namespace {

struct Arguments {
  std::string scenario;
  std::string out;
  std::optional<std::uint64_t> seed;
  std::vector<std::string> sets;
  bool rehearse = false;
  bool control = false;
  std::string agent;
};

/// The run directory, empty and ours. `made`: what was not there before, the innermost folder first.
Result<fs::path> make_directory(const Arguments& arguments, const std::string& name, std::vector<fs::path>& made) {
  const std::string stamp = fmt::format("{:%Y%m%d-%H%M%S}", fmt::gmtime(std::time(nullptr)));
  const fs::path wanted = arguments.out.empty()
                              ? fs::path{"troop-runs"} / fmt::format("{}-{}-{}", name, stamp, random_hex(2))
                              : fs::path{arguments.out};
  std::error_code failure;
  if (fs::exists(wanted, failure) && (!fs::is_directory(wanted, failure) || !fs::is_empty(wanted, failure))) {
    return usage_error(wanted.string() + " exists and is not an empty folder; name another with --out");
  }
  const fs::path full = fs::absolute(wanted, failure).lexically_normal();
  for (fs::path folder = full; !folder.empty() && !fs::exists(folder, failure); folder = folder.parent_path())
    made.push_back(folder);
  fs::create_directories(wanted, failure);
  if (!failure && access(wanted.c_str(), W_OK | X_OK) != 0) failure = {errno, std::generic_category()};
  if (failure) {
    std::error_code ignored;
    for (const auto& folder : made) fs::remove(folder, ignored);
    return usage_error("run directory " + wanted.string() + ": " + failure.message());
  }
  return fs::canonical(wanted, failure);
}

/// Nothing was touched, so nothing is left: the folders that this command made go, as far as they are empty.
void discard(const fs::path& directory, const std::vector<fs::path>& made, const model::Broker& broker) {
  std::error_code ignored;
  for (const char* file : {"agent.log", "workers.log", "history.ndjson"}) fs::remove(directory / file, ignored);
  const Logs logs{std::max<std::size_t>(broker.nodes_on.size(), 1)};
  for (const auto& log : logs.expected()) fs::remove(directory / log.name, ignored);
  for (const auto& folder : made) fs::remove(folder, ignored);
}

/// The same without its faults, in a folder of its own.
RunRequest control_of(const RunRequest& request) {
  RunRequest control = request;
  control.scenario.steps.clear();
  control.is_control = true;
  control.plan = make_plan(control.scenario, catalogue(), request.plan.seed);
  control.directory = request.directory / "control";
  return control;
}

void print_summary(const RunOutcome& outcome, const fs::path& directory) {
  const bool colour = isatty(STDOUT_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr;
  // Where nobody can read it, the run directory says the same.
  write_all(stdout, formats::to_terminal(outcome.document, {.colour = colour, .directory = directory.string()}));
}

/// Plays `request` without its faults, and notes in it where that history is. An exit code: the run ends here.
std::optional<int> play_control(RunRequest& request, const Provenance& provenance, Progress& progress) {
  const RunRequest control = control_of(request);
  std::error_code failure;
  fs::create_directory(control.directory, failure);
  if (failure) return report_error(usage_error(control.directory.string() + ": " + failure.message()));
  progress.note("control: the same without its faults");
  const RunOutcome outcome = run(control, provenance, progress);
  if (outcome.exit_code == code(Exit::usage)) {
    discard(control.directory, {control.directory}, control.scenario.broker);
    return report_error(usage_error(outcome.refusal));
  }
  if (outcome.exit_code >= code(Exit::unrestored) || outcome.document.ended_by != "completed") {
    progress.note("the control did not come to its end, so no fault is played");
    print_summary(outcome, control.directory);
    return outcome.exit_code;
  }
  progress.note(fmt::format("control: {}; now with its faults", to_text(outcome.document.judged.verdict)));
  request.control = control.directory / "history.ndjson";
  return std::nullopt;
}

/// Scenario, controller and each agent may say where they belong; whoever says it takes no other.
Result<void> belongs_here(const model::Scenario& scenario) {
  const char* here = std::getenv("TROOP_ENVIRONMENT");
  if (here == nullptr || *here == '\0' || scenario.environment == here) return success();
  const auto whose = scenario.environment.empty() ? "names no environment"
                                                  : fmt::format("is for environment '{}'", scenario.environment);
  return usage_error(fmt::format("{}: it {}, and TROOP_ENVIRONMENT says '{}'", scenario.name, whose, here));
}

int run_scenario(const Arguments& arguments) {
  auto overrides = parse_overrides(arguments.sets);
  if (overrides.has_error()) return report_error(overrides.error());
  const fs::path path = find_scenario(arguments.scenario);
  auto reading = scenarios::read_scenario(path, catalogue(), overrides.value());
  if (!reading.scenario) {
    print_problems(reading.problems);
    return code(Exit::usage);
  }
  if (auto belongs = belongs_here(*reading.scenario); belongs.has_error()) return report_error(belongs.error());
  if (arguments.control && reading.scenario->steps.empty()) {
    return report_error(
        usage_error(reading.scenario->name + " has no faults: without --control it is its own control"));
  }
  if (!arguments.agent.empty() && !reading.scenario->hosts.empty()) {
    return report_error(usage_error(
        reading.scenario->name + " has hosts, each with an agent of its own, which a run starts: leave --agent out"));
  }
  auto agent = find_agent();
  if (agent.has_error()) return report_error(agent.error());
  std::vector<fs::path> made;
  auto directory = make_directory(arguments, reading.scenario->name, made);
  if (directory.has_error()) return report_error(directory.error());

  const std::uint64_t seed = arguments.seed.value_or(fresh_seed());
  RunRequest request{.scenario = *reading.scenario,
                     .plan = make_plan(*reading.scenario, catalogue(), seed),
                     .directory = directory.value(),
                     .agent = agent.value(),
                     .agent_service = arguments.agent,
                     .is_control = false,
                     .control = {},
                     .rehearse = arguments.rehearse};
  const Provenance provenance{path.string(), reading.source, arguments.sets};
  auto progress = make_progress(isatty(STDERR_FILENO) != 0);
  progress->note(
      fmt::format("scenario {}, seed {}, run directory {}", request.scenario.name, seed, request.directory.string()));
  if (arguments.control && !arguments.rehearse) {
    if (const auto ending = play_control(request, provenance, *progress)) {
      if (*ending == code(Exit::usage)) discard(request.directory, made, request.scenario.broker);
      return *ending;
    }
  }
  const RunOutcome outcome = run(request, provenance, *progress);
  progress.reset();

  if (outcome.exit_code == code(Exit::usage)) {
    discard(request.directory, made, request.scenario.broker);
    return report_error(usage_error(outcome.refusal));
  }
  if (arguments.rehearse) {
    discard(request.directory, made, request.scenario.broker);
    const int printed =
        print_answer(to_text(request.plan, request.scenario) + "\nThis host can do it; nothing was started.\n");
    return std::max(outcome.exit_code, printed);
  }
  print_summary(outcome, request.directory);
  return outcome.exit_code;
}

}  // namespace

void add_run(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("run", "Run a scenario: break, undo, verify, report");
  command->add_option("SCENARIO", arguments->scenario, "A scenario file, or a name from the library (broker/stop)")
      ->required();
  command->add_option("--seed", arguments->seed, "Replays the choices of a run that printed this seed")
      ->check(seed_problem)
      ->type_name("N");
  command->add_option("--out", arguments->out, "The run directory; made if need be, otherwise it must be empty")
      ->type_name("DIR");
  command
      ->add_option("--set", arguments->sets, "Overrides a key of the scenario, e.g. workload.rate=500 or step.0.for=2s")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  command->add_flag("--dry-run", arguments->rehearse,
                    "Check everything on this host, say what would happen, start nothing");
  command->add_flag("--control", arguments->control,
                    "Run it without its faults first: what shows there too is not the faults' doing");
  command
      ->add_option("--agent", arguments->agent,
                   "The socket of an agent that runs as a service, such as /run/troop/agent.sock; without it one is "
                   "started for the run")
      ->type_name("SOCKET");
  command->footer(
      "Example:\n  troop run broker/stop --set workload.rate=500 --out /tmp/first-run\n\n"
      "Exit codes: 0 pass, 1 fail, 2 usage (nothing was touched), 3 inconclusive,\n"
      "            4 something could not be restored, 130/143/129 ended by a signal.");
  command->callback([arguments, &exit_code] { exit_code = run_scenario(*arguments); });
}

}  // namespace troop::controller
