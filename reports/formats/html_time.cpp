// The middle of report.html: what happened when.
#include <fmt/format.h>

#include <algorithm>

#include "reports/formats/html_sections.hpp"
#include "reports/formats/text.hpp"
#include "reports/formats/wording.hpp"

namespace troop::formats::html {
namespace {

double seconds(Duration length) { return std::chrono::duration<double>(length).count(); }

std::string bar(std::string_view css_class, Duration start, Duration end, Duration whole) {
  const auto percent = [&](Duration at) { return std::clamp(100 * seconds(at) / seconds(whole), 0.0, 100.0); };
  return fmt::format(R"(<i class="{}" style="left:{:.3f}%;width:{:.3f}%"></i>)", css_class, percent(start),
                     std::max(percent(end) - percent(start), 0.0));
}

std::string lane(std::string_view css_class, std::string_view name, std::string_view bars, std::string_view words) {
  return fmt::format(
      "<li class=\"{}\"><span class=\"name\">{}</span><span class=\"track\" aria-hidden=\"true\">{}</span>"
      "<span class=\"when\">{}</span></li>\n",
      css_class, escaped(name), bars, escaped(words));
}

std::string fault_bars(const FaultRecord& fault, Duration whole) {
  std::string bars;
  if (!fault.asked) return bars;
  const Duration active = fault.effective.value_or(*fault.asked);
  const Duration undo = fault.undo_asked.value_or(fault.restored.value_or(whole));
  bars += bar("force", active, undo, whole);
  if (fault.undo_asked) bars += bar("back", *fault.undo_asked, fault.restored.value_or(whole), whole);
  if (fault.restored && fault.steady) bars += bar("settle", *fault.restored, *fault.steady, whole);
  return bars;
}

std::string time_cell(std::string_view label, const std::optional<Duration>& at) {
  return fmt::format("<td class=\"time\" data-label=\"{}\">{}</td>", label, at ? moment(*at) : "never");
}

std::string outcome_tone(const FaultRecord& fault) {
  return fault.effective && fault.restored ? "holds" : fault.effective ? "violated" : "unknown";
}

std::string note(std::string_view name, std::string_view words) {
  return words.empty() ? "" : fmt::format("<p><span class=\"note\">{}</span> {}</p>", name, escaped(words));
}

}  // namespace

Duration end_of(const RunDocument& document) {
  Duration end = std::max(document.length, Duration{std::chrono::milliseconds{1}});
  for (const auto& phase : document.phases) end = std::max(end, phase.end.value_or(phase.start));
  for (const auto& fault : document.faults) {
    for (const auto& point : moments(fault)) end = std::max(end, point.at);
  }
  return end;
}

std::string timeline(const RunDocument& document) {
  if (document.phases.empty()) return {};
  const Duration whole = end_of(document);
  std::string text = "<ol class=\"lanes\">\n";
  for (const auto& phase : document.phases) {
    const Duration end = phase.end.value_or(whole);
    const std::string words = phase.end ? fmt::format("{}, took {}", moment(phase.start), span_text(phase.start, end))
                                        : fmt::format("{}, not finished", moment(phase.start));
    text += lane("phase", phase.name, bar("part", phase.start, end, whole), words);
  }
  for (const auto& fault : document.faults) {
    if (!fault.asked) continue;
    const Duration active = fault.effective.value_or(*fault.asked);
    const Duration undo = fault.undo_asked.value_or(fault.restored.value_or(whole));
    text += lane("fault", fault.name, fault_bars(fault, whole),
                 fmt::format("{}, in force {}", moment(active), span_text(active, undo)));
  }
  text += "</ol>\n";
  if (!document.faults.empty()) {
    text +=
        "<p class=\"key\" aria-hidden=\"true\"><span><i class=\"force\"></i>fault in force</span><span><i "
        "class=\"back\"></i>undo asked, "
        "coming back</span><span><i class=\"settle\"></i>ready, settling</span></p>\n";
  }
  return text;
}

std::string faults(const RunDocument& document) {
  if (document.faults.empty()) return {};
  std::string text =
      "<table class=\"stack faults\">\n<thead><tr><th scope=\"col\">Fault</th><th scope=\"col\">Outcome</th>"
      "<th scope=\"col\">Asked</th><th scope=\"col\">In force</th><th scope=\"col\">Undo asked</th>"
      "<th scope=\"col\">Ready again</th><th scope=\"col\">Steady again</th></tr></thead>\n";
  for (const auto& fault : document.faults) {
    std::string victim = fault.victim == fault.target ? "" : fault.victim;
    if (fault.victim_pid > 0) victim += fmt::format("{}pid {}", victim.empty() ? "" : ", ", fault.victim_pid);
    if (!victim.empty()) victim = " (" + victim + ")";
    text += fmt::format(
        "<tbody>\n<tr><th scope=\"row\">{}. <code>{}</code> <span class=\"on\">on {}{}</span></th>"
        "<td><span class=\"badge {}\">{}</span></td>",
        fault.step, escaped(fault.name), escaped(fault.target), escaped(victim), outcome_tone(fault),
        escaped(fault.outcome));
    text += time_cell("Asked", fault.asked) + time_cell("In force", fault.effective) +
            time_cell("Undo asked", fault.undo_asked) + time_cell("Ready again", fault.restored) +
            time_cell("Steady again", fault.steady);
    text += "</tr>\n<tr class=\"notes\"><td colspan=\"7\">";
    text += note("Why", fault.detail) + note("How", fault.back_end) + note("Proof", fault.proof) +
            note("Proof of return", fault.restored_proof) + note("Recovery", recovery_text(fault)) +
            note("Not undone", fmt::format("{}", fmt::join(fault.irreversible, "; ")));
    text += "</td></tr>\n</tbody>\n";
  }
  return text + "</table>\n";
}

}  // namespace troop::formats::html
