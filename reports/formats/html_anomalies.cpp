// The anomalies of report.html, grouped by the fault that they are attributed to.
#include <fmt/format.h>

#include <algorithm>

#include "reports/formats/html_sections.hpp"
#include "reports/formats/text.hpp"
#include "reports/formats/wording.hpp"

namespace troop::formats::html {
namespace {

constexpr std::size_t opened = 3;    // anomalies whose story is shown without a click
constexpr std::size_t unfolded = 8;  // anomalies of a group that are

/// One listed anomaly, with where it is listed.
struct Listed {
  std::size_t invariant = 0;
  std::size_t anomaly = 0;
  std::string_view name;  ///< Of the invariant.
  const invariants::Anomaly* what = nullptr;
  bool expected = false;
};

std::vector<Listed> all_listed(const RunDocument& document, const std::vector<std::string>& names) {
  std::vector<Listed> all;
  for (std::size_t i = 0; i < document.judged.invariants.size(); ++i) {
    const auto& judgement = document.judged.invariants[i];
    for (std::size_t a = 0; a < judgement.anomalies.size(); ++a) {
      all.push_back({i, a, names[i], &judgement.anomalies[a], judgement.outcome == invariants::Outcome::holds});
    }
  }
  return all;
}

/// The names of the faults, each once: as the steps have them, then what only the anomalies know.
std::vector<std::string_view> fault_names(const RunDocument& document, const std::vector<Listed>& all) {
  std::vector<std::string_view> names;
  const auto add = [&](std::string_view name) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  };
  for (const auto& fault : document.faults) add(fault.name);
  for (const auto& one : all) {
    for (const auto& name : one.what->during) add(name);
  }
  return names;
}

std::string steps_text(const RunDocument& document, std::string_view name) {
  std::vector<std::string> steps;
  for (const auto& fault : document.faults) {
    if (fault.name == name) steps.push_back(fmt::format("{}", fault.step));
  }
  if (steps.empty()) return {};
  return fmt::format("{} {}, ", steps.size() == 1 ? "step" : "steps", listed(steps));
}

std::string story_text(const Story& story) {
  std::string text = "<ol class=\"story\">\n";
  for (const auto& line : story.lines) {
    text += fmt::format("<li{}><span class=\"at\">{}</span><span>{}</span></li>\n",
                        line.witness ? " class=\"witness\"" : "", moment(line.at), escaped(line.text));
  }
  return text + "</ol>\n";
}

std::string witnesses(const invariants::Anomaly& anomaly) {
  if (anomaly.witnesses.empty()) return {};
  return fmt::format("<p class=\"hint\">Shown by {} {} of <code>history.ndjson</code>.</p>\n",
                     anomaly.witnesses.size() == 1 ? "event" : "events", fmt::join(anomaly.witnesses, ", "));
}

std::string badge(const Listed& one) {
  return fmt::format("<span class=\"badge {}\">{}</span> <code>{}</code> <span class=\"hint\">{}{}",
                     one.expected ? "holds" : "violated", escaped(one.what->kind), escaped(one.what->id),
                     escaped(one.name), one.expected ? ", as expected" : "");
}

/// `under`: the group's fault, empty outside any. `shown` counts what has been told on the page so far.
std::string item(const RunDocument& document, const Listed& one, std::string_view under, std::size_t& shown) {
  std::vector<std::string> others;
  for (const auto& name : one.what->during) {
    if (name != under) others.push_back(name);
  }
  const std::string also = others.empty() ? "" : ", also during " + escaped(listed(others));
  if (!under.empty() && one.what->during.front() != under) {  // told once, named under each of its faults
    return fmt::format("<p class=\"told\">{}{}; told under {}</span></p>\n", badge(one), also,
                       escaped(one.what->during.front()));
  }
  std::string text = fmt::format("<details class=\"anomaly\"{}><summary>{}{}</span></summary>\n",
                                 shown++ < opened ? " open" : "", badge(one), also);
  if (const Story* story = story_of(document, one.invariant, one.anomaly)) text += story_text(*story);
  return text + witnesses(*one.what) + "</details>\n";
}

/// Nothing where there are no items; beyond the first few they are folded away.
std::string group(std::string_view heading, std::string_view where, const std::vector<std::string>& items) {
  if (items.empty()) return {};
  const auto first = items.begin() + static_cast<std::ptrdiff_t>(std::min(items.size(), unfolded));
  const auto count = static_cast<std::int64_t>(items.size());
  std::string text = fmt::format("<div class=\"group\">\n<h3>{} <span class=\"hint\">{}{} listed</span></h3>\n{}",
                                 heading, where, grouped(count), fmt::join(items.begin(), first, ""));
  if (first != items.end()) {
    text += fmt::format("<details class=\"more\"><summary>{} more</summary>\n{}</details>\n",
                        grouped(count - static_cast<std::int64_t>(unfolded)), fmt::join(first, items.end(), ""));
  }
  return text + "</div>\n";
}

}  // namespace

std::string anomalies(const RunDocument& document) {
  const std::vector<std::string> names = invariant_names(document);
  const std::vector<Listed> all = all_listed(document, names);
  if (all.empty()) return {};
  std::string text;
  std::size_t shown = 0;
  std::vector<std::string> quiet;
  for (const std::string_view fault : fault_names(document, all)) {
    std::vector<std::string> items;
    for (const auto& one : all) {
      const auto& during = one.what->during;
      if (std::find(during.begin(), during.end(), fault) == during.end()) continue;
      items.push_back(item(document, one, fault, shown));
    }
    if (items.empty()) quiet.emplace_back(fault);
    text += group(fmt::format("During <code>{}</code>", escaped(fault)), steps_text(document, fault), items);
  }
  std::vector<std::string> outside;
  for (const auto& one : all) {
    if (one.what->during.empty()) outside.push_back(item(document, one, "", shown));
  }
  text += group("Outside any fault", "", outside);
  if (!quiet.empty()) {
    text += fmt::format("<p class=\"quiet\">None listed during {}.</p>\n", escaped(listed(quiet)));
  }
  return text +
         "<p class=\"hint\">Lists are cut at a fixed length; the counts above are exact. A fault counts from being "
         "asked "
         "for to its proven end.</p>\n";
}

}  // namespace troop::formats::html
