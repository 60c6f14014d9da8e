#include "reports/formats/wording.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "reports/formats/text.hpp"

namespace troop::formats {
namespace {

using invariants::Outcome;
using invariants::Verdict;

std::vector<std::string> kinds_with(const RunDocument& document, Outcome outcome) {
  std::vector<std::string> kinds;
  for (const auto& judgement : document.judged.invariants) {
    if (judgement.outcome == outcome) kinds.push_back(judgement.kind);
  }
  return kinds;
}

std::string_view word_for(Verdict verdict) {
  switch (verdict) {
    case Verdict::pass:
      return "PASS";
    case Verdict::inconclusive:
      return "INCONCLUSIVE";
    case Verdict::fail:
      return "FAIL";
  }
  return "INCONCLUSIVE";
}

std::string sentence_for(const RunDocument& document) {
  const auto violated = kinds_with(document, Outcome::violated);
  const auto unknown = kinds_with(document, Outcome::unknown);
  const std::size_t all = document.judged.invariants.size();
  if (all == 0) return "Nothing was judged.";
  if (!violated.empty()) {
    std::string text =
        fmt::format("{} of {} {} violated: {}.", violated.size(), plural(static_cast<std::int64_t>(all), "invariant"),
                    violated.size() == 1 ? "is" : "are", listed(violated));
    if (!unknown.empty()) text += fmt::format(" Not known: {}.", listed(unknown));
    return text;
  }
  if (!unknown.empty()) {
    return fmt::format("{} of {} could not be judged: {}.", unknown.size(),
                       plural(static_cast<std::int64_t>(all), "invariant"), listed(unknown));
  }
  if (document.judged.verdict != Verdict::pass) return "Every invariant holds, but the evidence is not complete.";
  return all == 1 ? "The only invariant holds." : fmt::format("All {} invariants hold.", all);
}

}  // namespace

Headline headline(const RunDocument& document) {
  Headline out;
  out.word = word_for(document.judged.verdict);
  out.sentence = sentence_for(document);
  if (document.exit_code == 4) {
    out.alarm = "Something was not put back as it was. Look at the faults and problems below before anything else.";
  }
  if (document.ended_by != "completed") out.ending = "The run did not complete: " + document.ended_by + ".";
  return out;
}

std::string title(const RunDocument& document) {
  return document.scenario_title.empty() ? document.scenario_name : document.scenario_title;
}

std::vector<std::string> invariant_names(const RunDocument& document) {
  const auto& all = document.judged.invariants;
  std::map<std::string_view, std::size_t> of_kind;
  for (const auto& judgement : all) ++of_kind[judgement.kind];
  std::vector<std::string> names;
  std::map<std::string, std::size_t> seen;
  for (const auto& judgement : all) {
    const bool alone = of_kind[judgement.kind] == 1 || judgement.claim.empty();
    std::string name = alone ? judgement.kind : fmt::format("{} ({})", judgement.kind, judgement.claim);
    const std::size_t nth = ++seen[name];
    names.push_back(nth == 1 ? std::move(name) : fmt::format("{} #{}", name, nth));
  }
  return names;
}

CountInWords in_words(const std::string& name, std::int64_t count) {
  constexpr std::string_view longest = "_ms_max";
  const std::size_t stem = name.size() - std::min(name.size(), longest.size());
  const bool is_longest = name.compare(stem, longest.size(), longest) == 0;
  std::string words = is_longest ? "longest " + name.substr(0, stem) : name;
  std::replace(words.begin(), words.end(), '_', ' ');
  return {std::move(words), is_longest ? span_text_ms(count) : grouped(count)};
}

std::vector<std::string> telling_counts(const std::vector<std::pair<std::string, std::int64_t>>& counts) {
  std::vector<std::string> telling;
  for (const auto& [name, count] : counts) {
    if (count == 0) continue;
    const auto [words, value] = in_words(name, count);
    telling.push_back(fmt::format("{} {}", words, value));
  }
  return telling;
}

std::vector<FaultMoment> moments(const FaultRecord& fault) {
  std::vector<FaultMoment> all;
  const auto add = [&](std::string_view name, const std::optional<Duration>& at) {
    if (at) all.push_back({name, *at});
  };
  add("asked", fault.asked);
  add("in force", fault.effective);
  add("undo asked", fault.undo_asked);
  add("ready again", fault.restored);
  add("steady again", fault.steady);
  return all;
}

std::string recovery_text(const FaultRecord& fault) {
  if (!fault.undo_asked) return {};
  std::string text = fmt::format("undo asked at {}", moment(*fault.undo_asked));
  if (!fault.restored) return text + ", never proven ready again";
  text += fmt::format(", ready {} later", span_text(*fault.undo_asked, *fault.restored));
  if (!fault.steady) return text + ", steady state not seen again";
  return text + fmt::format(", steady {} after that", span_text(*fault.restored, *fault.steady));
}

std::string anomaly_text(const invariants::Anomaly& anomaly) {
  std::string text = anomaly.kind;
  if (!anomaly.id.empty()) text += " " + anomaly.id;
  if (!anomaly.during.empty()) text += ", during " + listed(anomaly.during);
  return text;
}

const Story* story_of(const RunDocument& document, std::size_t invariant, std::size_t anomaly) {
  for (const auto& story : document.stories) {
    if (static_cast<std::size_t>(story.invariant) == invariant && static_cast<std::size_t>(story.anomaly) == anomaly) {
      return &story;
    }
  }
  return nullptr;
}

}  // namespace troop::formats
