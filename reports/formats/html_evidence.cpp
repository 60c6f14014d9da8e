// The lower part of report.html: the evidence behind the verdict, and all that is needed to repeat the run.
#include <fmt/format.h>

#include <algorithm>

#include "reports/formats/html_sections.hpp"
#include "reports/formats/text.hpp"
#include "reports/formats/wording.hpp"

namespace troop::formats::html {
namespace {

/// As a class of the page's style, never the log's own word.
std::string_view log_tone(std::string_view level) {
  if (level == "error" || level == "critical" || level == "alert" || level == "emergency") return "bad";
  return level == "warning" ? "doubt" : "plain";
}

std::string fact(std::string_view name, std::string_view value) {
  return value.empty() ? "" : fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", escaped(name), escaped(value));
}

}  // namespace

std::string logs(const RunDocument& document) {
  std::string text;
  for (const auto& excerpt : document.excerpts) {
    const auto fault = std::find_if(document.faults.begin(), document.faults.end(),
                                    [&](const FaultRecord& each) { return each.step == excerpt.step; });
    if (fault == document.faults.end()) continue;
    text +=
        fmt::format("<h3>Around {}. <code>{}</code> <span class=\"hint\">{} to {}, from <code>{}</code></span></h3>\n",
                    fault->step, escaped(fault->name), moment(excerpt.from), moment(excerpt.to), escaped(excerpt.log));
    if (excerpt.lines.empty()) {
      text += "<p class=\"empty\">The log has no line from that time.</p>\n";
      continue;
    }
    text += "<ol class=\"log\">\n";
    for (const auto& line : excerpt.lines) {
      if (line.level.empty()) {
        text += fmt::format("<li class=\"gap\">{}</li>\n", escaped(line.text));
        continue;
      }
      text += fmt::format(
          "<li class=\"{}\"><span class=\"at\">{}</span><span class=\"level\">{}</span><span>{}</span></li>\n",
          log_tone(line.level), moment(line.at), escaped(line.level), escaped(line.text));
    }
    text += "</ol>\n";
  }
  return text;
}

std::string problems(const RunDocument& document) {
  if (document.problems.empty() && document.judged.warnings.empty()) return {};
  std::string text = "<ul class=\"problems\">\n";
  for (const auto& problem : document.problems) text += "<li>" + escaped(problem) + "</li>\n";
  for (const auto& warning : document.judged.warnings) text += "<li>" + escaped(warning) + "</li>\n";
  return text + "</ul>\n";
}

std::string environment(const RunDocument& document) {
  std::string text = "<dl class=\"environment\">\n";
  text += fact("Host", document.host_name);
  text += fact("Kernel", document.host_kernel);
  text += fact("Processors", document.host_cpus > 0 ? fmt::format("{}", document.host_cpus) : "");
  text += fact("Broker", document.broker_kind.empty() ? "" : document.broker_kind + " " + document.broker_version);
  text += fact("Broker port", document.broker_port > 0 ? fmt::format("{}", document.broker_port) : "");
  text += fact("Troop", document.tool_version);
  for (const auto& [name, version] : document.versions) text += fact(name, version);
  text += fact("Ended by", document.ended_by);
  text += fact("Exit code", fmt::format("{}", document.exit_code));
  return text + "</dl>\n";
}

std::string source(const RunDocument& document) {
  if (document.scenario_text.empty()) return {};
  std::string text;
  if (!document.overrides.empty()) {
    text += "<p>Changed on the command line:</p>\n<ul class=\"overrides\">\n";
    for (const auto& one : document.overrides) text += "<li><code>--set " + escaped(one) + "</code></li>\n";
    text += "</ul>\n";
  }
  text += fmt::format(
      "<p class=\"hint\">{} with seed {} plays the same choices again.</p>\n",
      document.scenario_path.empty() ? "This scenario" : "<code>" + escaped(document.scenario_path) + "</code>",
      document.seed);
  text += fmt::format("<pre tabindex=\"0\"><code>{}</code></pre>\n", escaped(document.scenario_text));
  return text;
}

}  // namespace troop::formats::html
