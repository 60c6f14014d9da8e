// `summary.md`: for a pull request or a job's summary page. Verdict first, and short whatever happened: a comment has
// room for 65,536 characters, and a reader for one screen.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "reports/formats/formats.hpp"
#include "reports/formats/text.hpp"
#include "reports/formats/wording.hpp"

namespace troop::formats {
namespace {

constexpr std::size_t rows_shown = 30;    // of a table
constexpr std::size_t notes_shown = 10;   // of a list
constexpr std::size_t stories_shown = 3;  // of all anomalies together
constexpr std::size_t story_lines_shown = 10;
constexpr std::size_t text_bytes_max = 300;  // of whatever is quoted
constexpr std::size_t body_bytes_max = 55'000;

/// At most `limit` bytes of valid UTF-8, cut between characters.
std::string clipped(std::string text, std::size_t limit) {
  if (text.size() <= limit) return text;
  while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xC0) == 0x80) --limit;
  text.resize(limit);
  return text + "…";
}

/// One line of plain text that a page shows as it is: no markup, no HTML, no link, no formula, no new cell of a table.
/// A name behind @ gets no mail and a number behind # no reference, since an invisible space follows the sign.
std::string escaped(std::string_view text) {
  static constexpr std::string_view special = "\\`*_{}[]<>|~&!$^";
  static constexpr std::string_view invisible = "\xE2\x80\x8B";
  const std::string shown = clipped(printable(text), text_bytes_max);
  const std::size_t first = std::min(shown.find_first_not_of(' '), shown.size());
  const std::size_t number = std::min(shown.find_first_not_of("0123456789", first), shown.size());
  std::string out;
  for (std::size_t at = first; at < shown.size(); ++at) {
    const char c = shown[at];
    const std::string_view rest = std::string_view{shown}.substr(at);
    // What begins a list, a heading or a rule, where this text begins a line.
    const bool begins =
        at == first ? c == '-' || c == '+' || c == '=' || c == '#'
                    : at == number && number > first && (c == '.' || c == ')') && rest.size() > 1 && rest[1] == ' ';
    if (begins || special.find(c) != std::string_view::npos) out += '\\';
    out += c;
    if (c == '@' || c == '#') out += invisible;
    if (c == ':' && rest.starts_with("://")) out += '\\';                         // http:// becomes a link by itself
    if (c == 'w' && rest.starts_with("w.") && out.ends_with("www")) out += '\\';  // and so does www.
  }
  return out;
}

std::string joined(const std::vector<std::string>& items) { return fmt::format("{}", fmt::join(items, ", ")); }

/// "… and 3 more", where a list was cut.
std::string rest_of(std::size_t all, std::size_t shown) {
  return all > shown ? fmt::format("\n… and {} more in the report\n", grouped(static_cast<std::int64_t>(all - shown)))
                     : "";
}

std::string headline_text(const RunDocument& document) {
  const Headline head = headline(document);
  std::string out = fmt::format("## {}: {}\n\n{}\n", head.word, escaped(title(document)), escaped(head.sentence));
  if (!head.alarm.empty()) out += fmt::format("\n**{}**\n", escaped(head.alarm));
  if (!head.ending.empty()) out += fmt::format("\n**{}**\n", escaped(head.ending));
  if (!document.hypothesis.empty()) out += fmt::format("\nHypothesis: {}\n", escaped(document.hypothesis));
  return out;
}

std::string invariants_text(const RunDocument& document) {
  const auto& all = document.judged.invariants;
  if (all.empty()) return {};
  std::string out = "\n| invariant | outcome | counts |\n|---|---|---|\n";
  const std::vector<std::string> names = invariant_names(document);
  for (std::size_t i = 0; i < std::min(all.size(), rows_shown); ++i) {
    const std::string_view outcome = to_text(all[i].outcome);
    out += fmt::format(
        "| {} | {} | {} |\n", escaped(names[i]),
        all[i].outcome == invariants::Outcome::holds ? std::string{outcome} : fmt::format("**{}**", outcome),
        escaped(joined(telling_counts(all[i].counts))));
  }
  out += rest_of(all.size(), rows_shown);
  std::string reasons;
  std::size_t seen = 0;
  for (const auto& judgement : all) {
    if (judgement.outcome == invariants::Outcome::holds) continue;
    for (const auto& reason : judgement.reasons) {
      if (seen++ < notes_shown) reasons += fmt::format("- {}: {}\n", escaped(judgement.kind), escaped(reason));
    }
  }
  return out + (reasons.empty() ? "" : "\n" + reasons) + rest_of(seen, notes_shown);
}

std::string faults_text(const RunDocument& document) {
  if (document.faults.empty()) return {};
  std::string out = "\n| fault | target | outcome | in force | recovery |\n|---|---|---|---|---|\n";
  for (std::size_t i = 0; i < std::min(document.faults.size(), rows_shown); ++i) {
    const auto& fault = document.faults[i];
    const std::string outcome = fault.detail.empty() ? fault.outcome : fault.outcome + ": " + fault.detail;
    out += fmt::format("| {} | {} | {} | {} | {} |\n", escaped(fault.name),
                       escaped(fault.victim.empty() ? fault.target : fault.victim), escaped(outcome),
                       fault.effective ? moment(*fault.effective) : "never", escaped(recovery_text(fault)));
  }
  return out + rest_of(document.faults.size(), rows_shown);
}

std::string story_text(const Story& story) {
  std::string out;
  const std::size_t shown = std::min(story.lines.size(), story_lines_shown);
  for (std::size_t i = 0; i < shown; ++i) {
    out += fmt::format("  - `{}` {}\n", moment(story.lines[i].at), escaped(story.lines[i].text));
  }
  if (story.lines.size() > shown) {
    out += fmt::format("  - … and {} more in the report\n", story.lines.size() - shown);
  }
  return out;
}

std::string anomalies_text(const RunDocument& document) {
  std::string out;
  std::size_t seen = 0;
  std::set<std::string_view> told_ids;
  for (std::size_t i = 0; i < document.judged.invariants.size(); ++i) {
    const auto& judgement = document.judged.invariants[i];
    if (judgement.outcome == invariants::Outcome::holds) continue;  // what it lists was expected
    for (std::size_t a = 0; a < judgement.anomalies.size(); ++a) {
      if (seen++ >= stories_shown) continue;
      out += fmt::format("- {}: {}\n", escaped(judgement.kind), escaped(anomaly_text(judgement.anomalies[a])));
      const bool told = !told_ids.insert(judgement.anomalies[a].id).second;  // another invariant names the same message
      const Story* const story = told ? nullptr : story_of(document, i, a);
      if (story != nullptr) out += story_text(*story);
    }
  }
  return out.empty() ? out : "\nAnomalies:\n\n" + out + rest_of(seen, stories_shown);
}

std::string notes_text(const RunDocument& document) {
  std::string out;
  std::size_t seen = 0;
  for (const auto* notes : {&document.problems, &document.judged.warnings}) {
    for (const auto& note : *notes) {
      if (seen++ < notes_shown) out += fmt::format("- {}\n", escaped(note));
    }
  }
  return out.empty() ? out : "\nProblems:\n\n" + out + rest_of(seen, notes_shown);
}

std::string run_text(const RunDocument& document, const Options& options) {
  std::string out = fmt::format("\nScenario {}, seed {}, {}", escaped(document.scenario_name), document.seed,
                                span_text(document.length));
  if (!document.broker_kind.empty()) {
    out += fmt::format(", {} {}", escaped(document.broker_kind), escaped(document.broker_version));
  }
  if (!document.tool_version.empty()) out += fmt::format(", troop {}", escaped(document.tool_version));
  if (!document.overrides.empty()) out += fmt::format(", set: {}", escaped(joined(document.overrides)));
  // A summary travels to where this host's folders mean nothing.
  const std::filesystem::path given = std::filesystem::path{options.directory}.lexically_normal();
  const std::filesystem::path own = given.has_filename() ? given.filename() : given.parent_path().filename();
  const std::string place = options.directory.empty() ? document.id
                            : given.is_absolute()     ? own.string()
                                                      : given.string();
  return out + fmt::format(".\nThe full report is report.html in the run directory {}.\n", escaped(place));
}

}  // namespace

std::string to_markdown(const RunDocument& document, const Options& options) {
  std::string out = headline_text(document) + invariants_text(document) + anomalies_text(document) +
                    faults_text(document) + notes_text(document);
  if (out.size() > body_bytes_max) {  // between two lines, so that no markup is cut in half
    out.resize(out.rfind('\n', body_bytes_max) + 1);
    out += "\n… the rest is in the report\n";
  }
  return out + run_text(document, options);
}

}  // namespace troop::formats
