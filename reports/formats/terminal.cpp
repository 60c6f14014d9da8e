// The summary that a person reads right after a run: the verdict first, then only what explains it.
#include <fmt/format.h>

#include <algorithm>

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

class Page {
 public:
  explicit Page(const Options& options)
      : colour_(options.colour), width_(std::clamp<std::size_t>(options.width, 40, 100)) {}

  void blank() { text_ += '\n'; }

  void heading(std::string_view words) {
    blank();
    put(words, Tone::bold);
    blank();
  }

  /// `lead` stands at column `indent`; `words` follow at column `hang`, wrapped there. Nothing quoted can steer the
  /// terminal.
  void item(std::size_t indent, std::string_view lead, Tone lead_tone, std::size_t hang, std::string_view words,
            Tone tone = Tone::plain) {
    const std::string shown_lead = printable(lead);
    text_.append(indent, ' ');
    put(shown_lead, lead_tone);
    const std::string shown = printable(words);
    std::string_view rest = shown;
    std::size_t column = indent + columns(shown_lead);
    if (rest.empty()) {
      blank();
      return;
    }
    if (column >= hang && column > 0) {
      blank();
      column = 0;
    }
    while (!rest.empty()) {
      text_.append(hang - column, ' ');
      std::string_view line = front(rest, width_ - hang);
      if (line.size() < rest.size()) {
        const std::size_t space = rest.substr(0, line.size() + 1).rfind(' ');
        if (space != std::string_view::npos && space > 0) line = rest.substr(0, space);
      }
      put(line, tone);
      blank();
      rest.remove_prefix(line.size());
      rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
      column = 0;
    }
  }

  void paragraph(std::size_t indent, std::string_view words, Tone tone = Tone::plain) {
    item(0, "", Tone::plain, indent, words, tone);
  }

  std::string take() { return std::move(text_); }

 private:
  void put(std::string_view words, Tone tone) {
    const bool coloured = colour_ && tone != Tone::plain && !words.empty();
    if (coloured) text_ += code(tone);
    text_ += words;
    if (coloured) text_ += "\x1b[0m";
  }

  std::string text_;
  bool colour_;
  std::size_t width_;
};

std::string joined(const std::vector<std::string>& items) { return fmt::format("{}", fmt::join(items, ", ")); }

void put_headline(Page& page, const RunDocument& document) {
  const Headline head = headline(document);
  page.item(0, head.word, tone_of(document.judged.verdict), columns(head.word) + 2, title(document), Tone::bold);
  page.paragraph(0, head.sentence);
  if (!head.alarm.empty()) page.paragraph(0, head.alarm, Tone::bad);
  if (!head.ending.empty()) page.paragraph(0, head.ending, Tone::doubtful);
  if (!document.hypothesis.empty()) {
    page.blank();
    page.item(0, "Hypothesis", Tone::dim, 12, document.hypothesis);
  }
}

void put_invariants(Page& page, const RunDocument& document) {
  if (document.judged.invariants.empty()) return;
  page.heading("Invariants");
  std::size_t widest = 0;
  for (const auto& judgement : document.judged.invariants) widest = std::max(widest, columns(judgement.kind));
  const std::size_t hang = 12 + std::min<std::size_t>(widest, 20) + 2;
  for (const auto& judgement : document.judged.invariants) {
    page.item(2, fmt::format("{:<10}", invariants::to_text(judgement.outcome)), tone_of(judgement.outcome), 12,
              fmt::format("{:<{}}  {}", judgement.kind, hang - 14, joined(telling_counts(judgement.counts))));
    if (judgement.outcome == invariants::Outcome::holds) continue;
    for (const auto& reason : judgement.reasons) page.paragraph(14, reason);
  }
}

void put_faults(Page& page, const RunDocument& document) {
  if (document.faults.empty()) return;
  page.heading("Faults");
  for (const auto& fault : document.faults) {
    const std::string victim = fault.victim.empty() || fault.victim == fault.target ? "" : " (" + fault.victim + ")";
    page.item(2, fmt::format("{}.", fault.step), Tone::dim, 5,
              fmt::format("{} on {}{}: {}", fault.name, fault.target, victim, fault.outcome), Tone::bold);
    if (!fault.detail.empty()) page.paragraph(5, fault.detail);
    std::vector<std::string> times;
    for (const auto& point : moments(fault)) times.push_back(fmt::format("{} {}", point.name, moment(point.at)));
    if (!times.empty()) page.paragraph(5, joined(times));
    if (!fault.proof.empty()) page.item(5, "proof", Tone::dim, 15, fault.proof);
    const std::string recovery = recovery_text(fault);
    if (!recovery.empty()) page.item(5, "recovery", Tone::dim, 15, recovery);
    if (!fault.irreversible.empty()) page.item(5, "not undone", Tone::dim, 16, joined(fault.irreversible));
  }
}

void put_story(Page& page, const Story& story) {
  const std::size_t shown = std::min(story.lines.size(), story_lines_shown);
  for (std::size_t at = 0; at < shown; ++at) {
    const auto& line = story.lines[at];
    page.item(4, fmt::format("{:>10}", moment(line.at)), Tone::dim, 16, line.text,
              line.witness ? Tone::bold : Tone::plain);
  }
  if (shown < story.lines.size()) {
    page.paragraph(
        16,
        fmt::format("({} in the report)", plural(static_cast<std::int64_t>(story.lines.size() - shown), "more line")),
        Tone::dim);
  }
}

void put_anomalies(Page& page, const RunDocument& document) {
  std::size_t shown = 0;
  std::size_t more = 0;
  for (std::size_t i = 0; i < document.judged.invariants.size(); ++i) {
    const auto& judgement = document.judged.invariants[i];
    if (judgement.outcome == invariants::Outcome::holds) continue;  // what it lists was expected
    for (std::size_t a = 0; a < judgement.anomalies.size(); ++a) {
      if (shown == stories_shown) {
        ++more;
        continue;
      }
      if (shown++ == 0) page.heading("Anomalies");
      page.item(2, judgement.kind + ":", Tone::bad, 4 + columns(judgement.kind), anomaly_text(judgement.anomalies[a]));
      if (const Story* story = story_of(document, i, a)) put_story(page, *story);
    }
  }
  if (more > 0)
    page.paragraph(2, fmt::format("{} more in the report", grouped(static_cast<std::int64_t>(more))), Tone::dim);
}

void put_notes(Page& page, const RunDocument& document) {
  if (document.problems.empty() && document.judged.warnings.empty()) return;
  page.heading("Problems");
  for (const auto& problem : document.problems) page.item(2, "-", Tone::plain, 4, problem);
  for (const auto& warning : document.judged.warnings) page.item(2, "-", Tone::plain, 4, warning);
}

void put_run(Page& page, const RunDocument& document, const Options& options) {
  page.heading("Run");
  const auto row = [&](std::string_view name, std::string_view value) {
    if (!value.empty()) page.item(2, name, Tone::dim, 12, value);
  };
  row("load", joined(telling_counts(document.counts)));
  row("began", fmt::format("{}, took {}", wall_text(document.started_wall_ns), span_text(document.length)));
  row("scenario", document.scenario_name);
  row("seed", fmt::format("{}", document.seed));
  row("overrides", joined(document.overrides));
  if (!document.broker_kind.empty()) row("broker", document.broker_kind + " " + document.broker_version);
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
