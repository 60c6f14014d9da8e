// `troop report`: shows a finished run again. Reads the run directory and judges nothing.
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "controller/cli/commands.hpp"
#include "controller/cli/support.hpp"
#include "reports/formats/formats.hpp"

namespace troop::controller {
namespace {

struct ReportOptions {
  std::string directory;
  std::string format = "terminal";
  std::string out;
};

formats::Options terminal_options(const ReportOptions& chosen) {
  formats::Options options;
  options.directory = chosen.directory;
  if (!chosen.out.empty() || ::isatty(STDOUT_FILENO) == 0) return options;
  const char* const no_colour = std::getenv("NO_COLOR");
  const char* const terminal = std::getenv("TERM");
  const bool dumb = terminal == nullptr || std::string_view{terminal} == "dumb";
  options.colour = (no_colour == nullptr || *no_colour == '\0') && !dumb;
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) options.width = size.ws_col;
  return options;
}

int report(const ReportOptions& chosen) {
  const auto document = formats::read(chosen.directory);
  if (!document) return report_error(document.error());
  const formats::Format* const format = formats::find_format(chosen.format);
  const std::string text = format->render(document.value(), terminal_options(chosen));
  if (!chosen.out.empty()) {
    const auto written = formats::write_file(chosen.out, text);
    if (!written) return report_error(written.error());
  } else if (!write_all(stdout, text)) {
    return report_error(system_error(ErrorKind::lost, "standard output", errno));
  }
  return document.value().exit_code;
}

}  // namespace

void add_report(CLI::App& app, int& exit_code) {
  auto* const command = app.add_subcommand("report", "Show a finished run again, in another form");
  const auto options = std::make_shared<ReportOptions>();
  std::vector<std::string> names;
  for (const auto& format : formats::formats()) names.emplace_back(format.name);
  command->add_option("run", options->directory, "The directory that `troop run` wrote")
      ->type_name("RUN_DIR")
      ->required();
  command->add_option("--format", options->format, "How to show it")
      ->check(CLI::IsMember(names))
      ->capture_default_str();
  command->add_option("--out", options->out, "Write to this file instead of standard output")->type_name("FILE");
  command->footer(
      "The verdict is the one that the run recorded; `troop verify` judges its history again.\n"
      "Exit codes: that of the recorded run (0 pass, 1 fail, 3 inconclusive, 4 not restored, 128 + n ended by a\n"
      "signal); 2 RUN_DIR is missing or damaged; 3 the report could not be written.\n\n"
      "Example:\n  troop report troop-runs/broker-stop --format html --out report.html");
  command->callback([options, &exit_code] { exit_code = report(*options); });
}

}  // namespace troop::controller
