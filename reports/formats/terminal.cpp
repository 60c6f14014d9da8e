// The summary that a person reads right after a run: the verdict first, then only what explains it.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "reports/formats/formats.hpp"
#include "reports/formats/text.hpp"
#include "reports/formats/wording.hpp"

namespace troop::formats {
namespace {

constexpr std::size_t stories_shown = 3;
constexpr std::size_t story_lines_shown = 12;

enum class Tone { plain, bold, dim, good, bad, doubtful };

std::string_view code(Tone tone) {
  switch (tone) {
    case Tone::plain:
      return "";
    case Tone::bold:
      return "\x1b[1m";
    case Tone::dim:
      return "\x1b[2m";
    case Tone::good:
      return "\x1b[1;32m";
    case Tone::bad:
      return "\x1b[1;31m";
    case Tone::doubtful:
      return "\x1b[1;33m";
  }
  return "";
}

Tone tone_of(invariants::Outcome outcome) {
  switch (outcome) {
    case invariants::Outcome::holds:
      return Tone::good;
    case invariants::Outcome::unknown:
      return Tone::doubtful;
    case invariants::Outcome::violated:
      return Tone::bad;
  }
  return Tone::plain;
}

Tone tone_of(invariants::Verdict verdict) {
  switch (verdict) {
    case invariants::Verdict::pass:
      return Tone::good;
    case invariants::Verdict::inconclusive:
      return Tone::doubtful;
    case invariants::Verdict::fail:
      return Tone::bad;
  }
  return Tone::plain;
}

std::size_t columns(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

/// The first `limit` columns of valid UTF-8.
std::string_view front(std::string_view text, std::size_t limit) {
  std::size_t at = 0;
  for (std::size_t seen = 0; at < text.size(); ++at) {
    const bool begins = (static_cast<unsigned char>(text[at]) & 0xC0) != 0x80;
    if (begins && ++seen > limit) break;
  }
  return text.substr(0, at);
}

/// Writes lines. What is quoted is made printable, so that no text of a run can steer the terminal.
class Page {
 public:
  explicit Page(const Options& options)
      : colour_(options.colour), width_(std::clamp<std::size_t>(options.width, 40, 100)) {}

  void blank() {
    text_ += '\n';
    column_ = 0;
  }

  void heading(std::string_view words) {
    blank();
    at(0, words, Tone::bold);
    blank();
  }

  /// Continues the line at `column`, or one space further on where that is taken.
  void at(std::size_t column, std::string_view words, Tone tone = Tone::plain) {
    reach(column);
    put(printable(words), tone);
  }

  /// Continues the line at `column`, breaks the words there as often as needed, and ends the line.
  void wrap(std::size_t column, std::string_view words, Tone tone = Tone::plain) {
    const std::string shown = printable(words);
    std::string_view rest = shown;
    while (!rest.empty()) {
      reach(column);
      std::string_view line = front(rest, width_ - std::min(column_, width_ - 10));
      if (line.size() < rest.size()) {
        const std::size_t space = rest.substr(0, line.size() + 1).rfind(' ');
        if (space != std::string_view::npos && space > 0) line = rest.substr(0, space);
      }
      put(line, tone);
      rest.remove_prefix(line.size());
      rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
      if (!rest.empty()) blank();
    }
    blank();
  }

  std::string take() { return std::move(text_); }

 private:
  void reach(std::size_t column) {
    const std::size_t gap = column_ < column ? column - column_ : column_ > 0 ? 1 : 0;
    text_.append(gap, ' ');
    column_ += gap;
  }

  void put(std::string_view words, Tone tone) {
    const bool coloured = colour_ && tone != Tone::plain && !words.empty();
    if (coloured) text_ += code(tone);
    text_ += words;
    if (coloured) text_ += "\x1b[0m";
    column_ += columns(words);
  }

  std::string text_;
  std::size_t column_ = 0;
  bool colour_;
  std::size_t width_;
};

std::string joined(const std::vector<std::string>& items) { return fmt::format("{}", fmt::join(items, ", ")); }

void put_headline(Page& page, const RunDocument& document) {
  const Headline head = headline(document);
  page.at(0, head.word, tone_of(document.judged.verdict));
  page.wrap(columns(head.word) + 2, title(document), Tone::bold);
  page.wrap(0, head.sentence);
  if (!head.alarm.empty()) page.wrap(0, head.alarm, Tone::bad);
  if (!head.ending.empty()) page.wrap(0, head.ending, Tone::doubtful);
  if (document.hypothesis.empty()) return;
  page.blank();
  page.at(0, "Hypothesis", Tone::dim);
  page.wrap(12, document.hypothesis);
}

void put_invariants(Page& page, const RunDocument& document) {
  if (document.judged.invariants.empty()) return;
  page.heading("Invariants");
  std::size_t widest = 0;
  for (const auto& judgement : document.judged.invariants) widest = std::max(widest, columns(judgement.kind));
  const std::size_t hang = 12 + std::min<std::size_t>(widest, 16) + 2;
  for (const auto& judgement : document.judged.invariants) {
    page.at(2, invariants::to_text(judgement.outcome), tone_of(judgement.outcome));
    page.at(12, judgement.kind, Tone::bold);
    page.wrap(hang, joined(telling_counts(judgement.counts)));
    if (judgement.outcome == invariants::Outcome::holds) continue;
    for (const auto& reason : judgement.reasons) page.wrap(hang, reason);
  }
}

void put_faults(Page& page, const RunDocument& document) {
  if (document.faults.empty()) return;
  page.heading("Faults");
  const auto note = [&](std::string_view name, std::string_view words) {
    if (words.empty()) return;
    page.at(5, name, Tone::dim);
    page.wrap(19, words);
  };
  for (const auto& fault : document.faults) {
    const std::string victim = fault.victim.empty() || fault.victim == fault.target ? "" : " (" + fault.victim + ")";
    page.at(2, fmt::format("{}.", fault.step), Tone::dim);
    page.wrap(5, fmt::format("{} on {}{}: {}", fault.name, fault.target, victim, fault.outcome), Tone::bold);
    note("why", fault.detail);
    for (const auto& point : moments(fault)) note(point.name, moment(point.at));
    note("proof", fault.proof);
    note("recovery", recovery_text(fault));
    note("not undone", joined(fault.irreversible));
  }
}

void put_story(Page& page, const Story& story) {
  const std::size_t shown = std::min(story.lines.size(), story_lines_shown);
  for (std::size_t at = 0; at < shown; ++at) {
    const auto& line = story.lines[at];
    page.at(4, fmt::format("{:>10}", moment(line.at)), Tone::dim);
    page.wrap(16, line.text, line.witness ? Tone::bold : Tone::plain);
  }
  if (shown < story.lines.size()) {
    const auto more = static_cast<std::int64_t>(story.lines.size() - shown);
    page.wrap(16, fmt::format("({} in the report)", plural(more, "more line")), Tone::dim);
  }
}

void put_anomalies(Page& page, const RunDocument& document) {
  std::size_t shown = 0;
  std::int64_t more = 0;
  std::set<std::string_view> told_ids;
  for (std::size_t i = 0; i < document.judged.invariants.size(); ++i) {
    const auto& judgement = document.judged.invariants[i];
    if (judgement.outcome == invariants::Outcome::holds) continue;  // what it lists was expected
    for (std::size_t a = 0; a < judgement.anomalies.size(); ++a) {
      if (shown == stories_shown) {
        ++more;
        continue;
      }
      if (shown++ == 0) page.heading("Anomalies");
      page.at(2, judgement.kind + ":", Tone::bad);
      page.wrap(4, anomaly_text(judgement.anomalies[a]));
      const bool told = !told_ids.insert(judgement.anomalies[a].id).second;  // another invariant names the same message
      const Story* story = told ? nullptr : story_of(document, i, a);
      if (story) put_story(page, *story);
    }
  }
  if (more > 0) page.wrap(2, fmt::format("{} more in the report", grouped(more)), Tone::dim);
}

void put_notes(Page& page, const RunDocument& document) {
  if (document.problems.empty() && document.judged.warnings.empty()) return;
  page.heading("Problems");
  for (const auto* notes : {&document.problems, &document.judged.warnings}) {
    for (const auto& note : *notes) {
      page.at(2, "-");
      page.wrap(4, note);
    }
  }
}

void put_run(Page& page, const RunDocument& document, const Options& options) {
  page.heading("Run");
  const auto row = [&](std::string_view name, std::string_view value) {
    if (value.empty()) return;
    page.at(2, name, Tone::dim);
    page.wrap(13, value);
  };
  row("load", joined(telling_counts(document.counts)));
  row("began", fmt::format("{}, took {}", wall_text(document.started_wall_ns), span_text(document.length)));
  row("scenario", document.scenario_name);
  row("seed", fmt::format("{}", document.seed));
  row("overrides", joined(document.overrides));
  row("broker", document.broker_kind.empty() ? "" : document.broker_kind + " " + document.broker_version);
  row("evidence", plural(document.judged.events, "event"));
  if (!options.directory.empty()) row("report", options.directory + "/report.html");
}

}  // namespace

std::string to_terminal(const RunDocument& document, const Options& options) {
  Page page{options};
  put_headline(page, document);
  put_invariants(page, document);
  put_anomalies(page, document);
  put_faults(page, document);
  put_notes(page, document);
  put_run(page, document, options);
  return page.take();
}

}  // namespace troop::formats
