// The lower part of report.html: the evidence behind the verdict, and all that is needed to repeat the run.
#include <fmt/format.h>

#include <algorithm>

#include "reports/formats/html_sections.hpp"
#include "reports/formats/text.hpp"
#include "reports/formats/wording.hpp"

namespace troop::formats::html {
namespace {

constexpr std::size_t opened = 3;  // anomalies whose story is shown without a click

std::string story_text(const Story& story) {
  std::string text = "<ol class=\"story\">\n";
  for (const auto& line : story.lines) {
    text += fmt::format("<li{}><span class=\"at\">{}</span><span>{}</span></li>\n",
                        line.witness ? " class=\"witness\"" : "", moment(line.at), escaped(line.text));
  }
  return text + "</ol>\n";
}

std::string witnesses(const troop::invariants::Anomaly& anomaly) {
  if (anomaly.witnesses.empty()) return {};
  return fmt::format("<p class=\"hint\">Shown by {} {} of <code>history.ndjson</code>.</p>\n",
                     anomaly.witnesses.size() == 1 ? "event" : "events", fmt::join(anomaly.witnesses, ", "));
}

std::string fact(std::string_view name, std::string_view value) {
  return value.empty() ? "" : fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", escaped(name), escaped(value));
}

}  // namespace

std::string anomalies(const RunDocument& document) {
  std::string text;
  std::size_t shown = 0;
  for (std::size_t i = 0; i < document.judged.invariants.size(); ++i) {
    const auto& judgement = document.judged.invariants[i];
    if (judgement.anomalies.empty()) continue;
    const bool expected = judgement.outcome == troop::invariants::Outcome::holds;
    text += fmt::format("<h3>{}{} <span class=\"hint\">{} listed; the counts above are exact</span></h3>\n",
                        escaped(judgement.kind), expected ? ", as expected" : "",
                        grouped(static_cast<std::int64_t>(judgement.anomalies.size())));
    for (std::size_t a = 0; a < judgement.anomalies.size(); ++a) {
      const auto& anomaly = judgement.anomalies[a];
      text += fmt::format(
          "<details class=\"anomaly\"{}><summary><span class=\"badge {}\">{}</span> <code>{}</code>{}</summary>\n",
          shown++ < opened ? " open" : "", expected ? "holds" : "violated", escaped(anomaly.kind), escaped(anomaly.id),
          anomaly.during.empty() ? "" : " <span class=\"hint\">during " + escaped(listed(anomaly.during)) + "</span>");
      if (const Story* story = story_of(document, i, a)) text += story_text(*story);
      text += witnesses(anomaly) + "</details>\n";
    }
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
