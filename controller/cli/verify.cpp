// `troop verify`: judges a stored history again. Reads two files and touches nothing.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <boost/json/serialize.hpp>
#include <cstdio>
#include <memory>

#include "controller/cli/commands.hpp"
#include "controller/cli/support.hpp"
#include "reports/invariants/control.hpp"
#include "reports/invariants/judge.hpp"
#include "scenarios/toml/reader.hpp"

namespace troop::controller {
namespace {

using invariants::Judged;
using invariants::Verdict;

struct Options {
  std::string history;
  std::string invariants;
  std::string control;
  std::string format = "text";
};

std::string as_text(const Judged& judged) {
  std::string out = fmt::format("{}: {} events\n", to_text(judged.verdict), judged.events);
  for (const auto& judgement : judged.invariants) {
    out += fmt::format("\n{:<12} {}\n", judgement.kind, to_text(judgement.outcome));
    for (const auto& reason : judgement.reasons) out += fmt::format("  because {}\n", printable(reason));
    for (const auto& [name, count] : judgement.counts) out += fmt::format("  {:>12} {}\n", count, name);
    for (const auto& anomaly : judgement.anomalies) {
      out +=
          fmt::format("  {}{}{}, shown by events {}{}\n", anomaly.kind, anomaly.id.empty() ? "" : " ",
                      printable(anomaly.id), fmt::join(anomaly.witnesses, ", "),
                      anomaly.during.empty() ? ", outside any fault"
                                             : printable(fmt::format(", during {}", fmt::join(anomaly.during, ", "))));
    }
  }
  return out;
}

Exit exit_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::pass:
      return Exit::pass;
    case Verdict::fail:
      return Exit::fail;
    case Verdict::inconclusive:
      break;
  }
  return Exit::inconclusive;
}

int verify(const Options& options) {
  const auto reading = scenarios::read_invariants(options.invariants, catalogue());
  if (!reading.problems.empty()) {
    print_problems(reading.problems);
    return code(Exit::usage);
  }
  auto judged = invariants::judge(options.history, reading.invariants);
  if (!judged) return report_error(judged.error());
  if (!options.control.empty()) {
    const auto control = invariants::judge_control(options.control, reading.invariants);
    if (!control) return report_error(control.error());
    invariants::weigh(judged.value(), reading.invariants, control.value());
  }
  for (const auto& warning : judged.value().warnings) write_all(stderr, fmt::format("troop: {}\n", printable(warning)));
  const std::string out = options.format == "json" ? boost::json::serialize(invariants::to_json(judged.value())) + "\n"
                                                   : as_text(judged.value());
  // A verdict that nobody could read is none.
  if (!write_all(stdout, out)) return report_error(system_error(ErrorKind::lost, "standard output", errno));
  return code(exit_of(judged.value().verdict));
}

}  // namespace

void add_verify(CLI::App& app, int& exit_code) {
  auto* const command = app.add_subcommand("verify", "Judge a recorded history by the invariants of a file");
  const auto options = std::make_shared<Options>();
  command->add_option("history", options->history, "history.ndjson, as reports/history/README.md documents it")
      ->type_name("HISTORY")
      ->required();
  command->add_option("--invariants", options->invariants, "[[invariant]] entries, or a whole scenario")
      ->type_name("FILE")
      ->required();
  command
      ->add_option("--control", options->control,
                   "history.ndjson of the same without its faults: what shows there too is not theirs")
      ->type_name("HISTORY");
  command->add_option("--format", options->format, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  command->footer(
      "Exit codes: 0 all hold; 1 one is violated; 2 an input is wrong; 3 one is unknown, or the history is empty or "
      "cut "
      "short.\n\nExample:\n  troop verify runs/broker-stop/history.ndjson --invariants "
      "scenarios/library/broker/stop.toml");
  command->callback([options, &exit_code] { exit_code = verify(*options); });
}

}  // namespace troop::controller
