// `junit.xml`: what pipelines read. There is no standard; this is the common part of what Jenkins, GitLab, GitHub's
// actions and Ant's own schema take: one suite for the run, one case for each invariant, and one for the run itself.
//
// Green here is green everywhere: a run whose exit code is not 0 has at least one failure or error, whatever else is
// so.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "reports/formats/formats.hpp"
#include "reports/formats/text.hpp"
#include "reports/formats/wording.hpp"

namespace troop::formats {
namespace {

using invariants::Outcome;

constexpr std::size_t anomalies_shown = 5;

/// One line of valid UTF-8 that XML 1.0 may hold (section 2.2, "Characters"), with nothing left that means anything to
/// a parser. Control characters are shown as "\x1b".
std::string escaped(std::string_view text) {
  std::string out;
  const std::string shown = printable(text);
  for (std::size_t at = 0; at < shown.size(); ++at) {
    const std::string_view rest = std::string_view{shown}.substr(at);
    if (rest.starts_with("\xEF\xBF\xBE") || rest.starts_with("\xEF\xBF\xBF")) {  // U+FFFE, U+FFFF: not allowed
      out += "\xEF\xBF\xBD";
      at += 2;
      continue;
    }
    switch (shown[at]) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += shown[at];
    }
  }
  return out;
}

/// Seconds with milliseconds, never negative: readers refuse anything else.
std::string seconds(Duration length) {
  return fmt::format("{:.3f}", std::max(0.0, static_cast<double>(length.count()) / 1e9));
}

/// What is behind a case that is not green, one line each.
class Body {
 public:
  void line(std::string_view text) { text_ += escaped(text) + "\n"; }
  void lines(const std::vector<std::string>& all) {
    for (const auto& text : all) line(text);
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

struct Case {
  std::string name;
  Duration length{0};
  std::string_view element;  ///< "failure", "error"; empty: green.
  std::string_view type;
  std::string message;
  Body body;
};

void tell_anomalies(Body& body, const RunDocument& document, std::size_t invariant) {
  const auto& anomalies = document.judged.invariants[invariant].anomalies;
  for (std::size_t i = 0; i < std::min(anomalies.size(), anomalies_shown); ++i) {
    body.line("");
    body.line(anomaly_text(anomalies[i]));
    const Story* const story = story_of(document, invariant, i);
    if (story == nullptr) continue;
    for (const auto& line : story->lines) body.line(fmt::format("  {:>10}  {}", moment(line.at), line.text));
  }
  if (anomalies.size() > anomalies_shown) {
    const auto more = static_cast<std::int64_t>(anomalies.size() - anomalies_shown);
    body.line("");
    body.line(fmt::format("{} in the report", plural(more, "more anomaly", "more anomalies")));
  }
}

Case case_of(const RunDocument& document, std::size_t invariant, std::string name) {
  const auto& judgement = document.judged.invariants[invariant];
  Case out{.name = std::move(name), .element = {}, .type = to_text(judgement.outcome), .message = {}, .body = {}};
  if (judgement.outcome == Outcome::holds) return out;
  out.element = judgement.outcome == Outcome::violated ? "failure" : "error";
  out.message = judgement.reasons.empty() ? std::string{to_text(judgement.outcome)} : judgement.reasons.front();
  out.body.lines(judgement.reasons);
  for (const auto& count : telling_counts(judgement.counts)) out.body.line("  " + count);
  tell_anomalies(out.body, document, invariant);
  return out;
}

/// Why the run itself is no pass although its invariants may all hold; empty: nothing is wrong with it.
std::string complaint(const RunDocument& document) {
  const Headline head = headline(document);
  if (!head.alarm.empty()) return "Something was not put back as it was.";
  if (!head.ending.empty()) return head.ending;
  const bool is_pass = document.exit_code == 0 && document.judged.verdict == invariants::Verdict::pass;
  const auto& all = document.judged.invariants;
  const bool is_told =
      std::any_of(all.begin(), all.end(), [](const auto& one) { return one.outcome != Outcome::holds; });
  if (is_pass || is_told) return {};
  return fmt::format("{} (exit code {})", head.sentence, document.exit_code);
}

/// The time is the run's: judging takes none worth telling.
Case case_of_run(const RunDocument& document) {
  Case out{.name = "run",
           .length = document.length,
           .element = {},
           .type = "run",
           .message = complaint(document),
           .body = {}};
  if (out.message.empty()) return out;
  out.element = "error";
  out.body.line(out.message);
  for (const auto& fault : document.faults) {
    if (fault.outcome == "proven") continue;
    out.body.line(fmt::format("{} on {}: {}{}{}", fault.name, fault.target, fault.outcome,
                              fault.detail.empty() ? "" : ": ", fault.detail));
  }
  out.body.lines(document.problems);
  out.body.lines(document.judged.warnings);
  return out;
}

std::string case_text(const Case& one, std::string_view class_name) {
  std::string out = fmt::format("    <testcase classname=\"{}\" name=\"{}\" time=\"{}\"", escaped(class_name),
                                escaped(one.name), seconds(one.length));
  if (one.element.empty()) return out + "/>\n";
  return out + fmt::format(">\n      <{0} message=\"{1}\" type=\"{2}\">{3}</{0}>\n    </testcase>\n", one.element,
                           escaped(one.message), one.type, one.body.text());
}

std::string properties_text(const RunDocument& document) {
  std::string out = "    <properties>\n";
  const auto add = [&](std::string_view name, std::string_view value) {
    fmt::format_to(std::back_inserter(out), "      <property name=\"{}\" value=\"{}\"/>\n", name, escaped(value));
  };
  add("verdict", to_text(document.judged.verdict));
  add("exit-code", fmt::format("{}", document.exit_code));
  add("ended-by", document.ended_by);
  add("seed", fmt::format("{}", document.seed));
  add("run", document.id);
  add("scenario", document.scenario_path);
  add("broker", document.broker_kind + " " + document.broker_version);
  add("troop", document.tool_version);
  for (const auto& set : document.overrides) add("set", set);
  return out + "    </properties>\n";
}

/// The summary as the terminal shows it, for whoever looks at the suite as a whole.
std::string summary_text(const RunDocument& document, const Options& options) {
  std::string out;
  const std::string terminal = to_terminal(document, {.colour = false, .width = 100, .directory = options.directory});
  for (std::size_t from = 0; from < terminal.size();) {
    const std::size_t end = std::min(terminal.find('\n', from), terminal.size());
    out += escaped(std::string_view{terminal}.substr(from, end - from)) + "\n";
    from = end + 1;
  }
  return out;
}

}  // namespace

std::string to_junit(const RunDocument& document, const Options& options) {
  const std::vector<std::string> names = invariant_names(document);
  std::vector<Case> cases;
  for (std::size_t i = 0; i < names.size(); ++i) cases.push_back(case_of(document, i, names[i]));
  cases.push_back(case_of_run(document));
  const auto count = [&](std::string_view element) {
    return std::count_if(cases.begin(), cases.end(), [&](const Case& one) { return one.element == element; });
  };
  const std::string totals = fmt::format("tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"0\" time=\"{}\"",
                                         cases.size(), count("failure"), count("error"), seconds(document.length));
  // Ant's schema knows no zone: the time is UTC.
  const std::string started = wall_iso(document.started_wall_ns);
  std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
  out += fmt::format("<testsuites name=\"troop\" {}>\n", totals);
  out += fmt::format("  <testsuite name=\"{}\" {} timestamp=\"{}\" hostname=\"{}\">\n", escaped(document.scenario_name),
                     totals, started.substr(0, started.find('.')), escaped(document.host_name));
  out += properties_text(document);
  for (const auto& one : cases) out += case_text(one, document.scenario_name);
  out += "    <system-out>" + summary_text(document, options) + "</system-out>\n";
  return out + "  </testsuite>\n</testsuites>\n";
}

}  // namespace troop::formats
