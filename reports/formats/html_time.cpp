// The middle of report.html: what happened when.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "reports/formats/html_sections.hpp"
#include "reports/formats/json_text.hpp"
#include "reports/formats/text.hpp"
#include "reports/formats/wording.hpp"

namespace troop::formats::html {
namespace {

namespace json = boost::json;

constexpr std::size_t rows_shown = 600;  // of the table beside the charts; run.json holds them all

double seconds(Duration length) { return std::chrono::duration<double>(length).count(); }

/// Where the time axis ends: nothing that happened lies beyond it.
Duration end_of(const RunDocument& document) {
  Duration end = std::max(document.length, Duration{std::chrono::milliseconds{1}});
  for (const auto& phase : document.phases) end = std::max(end, phase.end.value_or(phase.start));
  for (const auto& fault : document.faults) {
    for (const auto& point : moments(fault)) end = std::max(end, point.at);
  }
  return end;
}

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

std::string numbers(const RunDocument& document) {
  std::string text =
      "<details class=\"numbers\"><summary>The numbers as a table</summary>\n<div class=\"scroll\" "
      "tabindex=\"0\">\n<table>\n<thead><tr>"
      "<th scope=\"col\">Second</th><th scope=\"col\">Published</th><th scope=\"col\">Confirmed</th>"
      "<th scope=\"col\">Delivered</th><th scope=\"col\">p50</th><th scope=\"col\">p99</th></tr></thead>\n<tbody>\n";
  const auto latency = [](const std::optional<double>& ms) { return ms ? latency_text(*ms) : std::string{"-"}; };
  const std::size_t rows = std::min(document.series.size(), rows_shown);
  for (std::size_t at = 0; at < rows; ++at) {
    const auto& point = document.series[at];
    text += fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
                        point.second, grouped(point.published), grouped(point.confirmed), grouped(point.delivered),
                        latency(point.p50_ms), latency(point.p99_ms));
  }
  text += "</tbody>\n</table>\n";
  if (rows < document.series.size()) {
    text += fmt::format("<p>{} more in run.json.</p>\n",
                        plural(static_cast<std::int64_t>(document.series.size() - rows), "second"));
  }
  return text + "</div></details>\n";
}

}  // namespace

std::string charts(const RunDocument& document) {
  if (document.series.empty())
    return "<p class=\"empty\">No message was published or delivered: there is nothing to draw.</p>\n";
  std::string text = R"(<figure>
<figcaption><strong>Messages per second</strong><span class="legend" id="rates-legend"></span></figcaption>
<div class="chart" id="rates" role="img" aria-label="Messages published, confirmed and delivered per second; the numbers are in the table below"></div>
</figure>
<figure>
<figcaption><strong>End-to-end latency</strong><span class="legend" id="latency-legend"></span></figcaption>
<div class="chart" id="latency" role="img" aria-label="Median and 99th percentile of the end-to-end latency per second; the numbers are in the table below"></div>
</figure>
<noscript><p class="empty">The charts need JavaScript; the table below has the same numbers.</p></noscript>
<p class="hint">Latency counts from the moment a message was meant to be sent to its first delivery, so that waiting for the broker is
not hidden. Shaded: a fault in force, then its part coming back.<span class="screen"> Drag to zoom in, double-click to zoom out.</span></p>
)";
  return text + numbers(document);
}

std::string chart_data(const RunDocument& document) {
  json::array rates, latency, windows;
  const auto maybe = [](const std::optional<double>& number) { return number ? json::value(*number) : json::value(); };
  for (const auto& point : document.series) {
    rates.push_back(json::array{point.second, point.published, point.confirmed, point.delivered});
    latency.push_back(json::array{point.second, maybe(point.p50_ms), maybe(point.p99_ms)});
  }
  for (const auto& fault : document.faults) {
    if (!fault.asked) continue;
    const Duration end = end_of(document);
    const Duration undo = fault.undo_asked.value_or(fault.restored.value_or(end));
    windows.push_back({{"name", fault.name},
                       {"start", seconds(fault.effective.value_or(*fault.asked))},
                       {"undo", seconds(undo)},
                       {"end", seconds(fault.restored.value_or(end))}});
  }
  return for_script({{"rates", std::move(rates)}, {"latency", std::move(latency)}, {"windows", std::move(windows)}});
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
    const std::string victim = fault.victim.empty() || fault.victim == fault.target ? "" : " (" + fault.victim + ")";
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
