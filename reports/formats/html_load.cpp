// The charts of report.html, the data that its script draws them from, and the same numbers as a table.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "reports/formats/html_sections.hpp"
#include "reports/formats/json_text.hpp"
#include "reports/formats/text.hpp"

namespace troop::formats::html {
namespace {

namespace json = boost::json;

constexpr std::size_t rows_shown = 600;  // of the table beside the charts; run.json holds them all

double seconds(Duration length) { return std::chrono::duration<double>(length).count(); }

template <class T>
json::value maybe(const std::optional<T>& number) {
  return number ? json::value(*number) : json::value();
}

bool has_connections(const RunDocument& document) {
  return std::any_of(document.series.begin(), document.series.end(),
                     [](const SeriesPoint& point) { return point.connections.has_value(); });
}

bool has_retries(const RunDocument& document) {
  return std::any_of(document.series.begin(), document.series.end(),
                     [](const SeriesPoint& point) { return point.retries > 0; });
}

/// Below that nobody is held up: a producer's own turns take as long.
bool has_waits(const RunDocument& document) {
  constexpr double felt_ms = 20;
  return std::any_of(document.series.begin(), document.series.end(),
                     [](const SeriesPoint& point) { return point.wait_p99_ms.value_or(0) >= felt_ms; });
}

/// In floating point: a damaged document may hold numbers whose sum no integer holds.
std::string waiting(const RunDocument& document, std::size_t at) {
  if (document.depths.empty()) return "-";
  double sum = 0;
  for (const auto& line : document.depths) sum += at < line.depth.size() ? static_cast<double>(line.depth[at]) : 0;
  return sum < 1e15 && sum > -1e15 ? grouped(static_cast<std::int64_t>(sum)) : "-";
}

std::string figure(std::string_view id, std::string_view title, std::string_view hint, std::string_view label) {
  return fmt::format(
      "<figure>\n<figcaption><strong>{1}</strong>{2}<span class=\"legend\" id=\"{0}-legend\"></span></figcaption>\n"
      "<div class=\"chart\" id=\"{0}\" role=\"img\" aria-label=\"{3}; the numbers are in the table below\"></div>\n"
      "</figure>\n",
      id, title, hint.empty() ? "" : fmt::format("<span class=\"hint\">{}</span>", hint), label);
}

std::string numbers(const RunDocument& document) {
  std::string text =
      "<details class=\"numbers\"><summary>The numbers as a table</summary>\n<div class=\"scroll\" "
      "tabindex=\"0\">\n<table>\n<thead><tr>";
  for (const char* name : {"Second", "Published", "Confirmed", "Delivered", "p50", "p99", "Callers", "Retries",
                           "Waiting", "Connections", "Blocked"}) {
    text += fmt::format("<th scope=\"col\">{}</th>", name);
  }
  text += "</tr></thead>\n<tbody>\n";
  const auto latency = [](const std::optional<double>& ms) { return ms ? latency_text(*ms) : std::string{"-"}; };
  const auto count = [](const std::optional<std::int64_t>& number) { return number ? grouped(*number) : "-"; };
  const std::size_t rows = std::min(document.series.size(), rows_shown);
  for (std::size_t at = 0; at < rows; ++at) {
    const auto& point = document.series[at];
    text += fmt::format("<tr><th scope=\"row\">{}</th>", point.second);
    for (const auto& cell :
         {grouped(point.published), grouped(point.confirmed), grouped(point.delivered), latency(point.p50_ms),
          latency(point.p99_ms), latency(point.wait_p99_ms), grouped(point.retries), waiting(document, at),
          count(point.connections), count(point.blocked)}) {
      text += fmt::format("<td>{}</td>", cell);
    }
    text += "</tr>\n";
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
  std::string text =
      figure("rates", "Messages per second", "", "Messages published, confirmed and delivered per second");
  text += figure("latency", "End-to-end latency", "from the moment a message was meant to be sent",
                 "Median and 99th percentile of the end-to-end latency per second");
  if (has_waits(document)) {
    text +=
        "<p class=\"hint\">Callers: how long they were held up before their publish was taken, 99th percentile.</p>\n";
  }
  if (!document.depths.empty()) {
    text += figure("depth", "Queue depth", "computed from the history, not asked of the broker",
                   "Messages waiting in each queue at the end of each second");
  }
  if (has_connections(document)) {
    text += figure("connections", "Connections of the workers", "the worst moment of each second",
                   "Connections that were open and connections that were blocked, per second");
  }
  if (has_retries(document)) {
    text += figure("retries", "Retries per second", "attempts after the first of their message",
                   "Publish attempts after the first, per second");
  } else {
    text += "<p class=\"empty\" id=\"no-retries\">No publish was tried a second time.</p>\n";
  }
  text += R"(<noscript><p class="empty">The charts need JavaScript; the table below has the same numbers.</p></noscript>
<p class="hint">Shaded: a fault in force, then its part coming back. Latency ends with the first delivery, so that waiting for the broker
is not hidden.)";
  if (!document.depths.empty()) {
    text +=
        " Queue depth is what was confirmed (published, where nobody asks for confirms) minus what was acknowledged: a "
        "message that the broker lost stays in it.";
  }
  return text + "<span class=\"screen\"> Drag to zoom in, double-click to zoom out.</span></p>\n" + numbers(document);
}

std::string chart_data(const RunDocument& document) {
  json::array rates, latency, depth, connections, retries, queues, windows;
  const bool connected = has_connections(document);
  const bool retried = has_retries(document);
  const bool waited = has_waits(document);
  for (std::size_t at = 0; at < document.series.size(); ++at) {
    const auto& point = document.series[at];
    rates.push_back(json::array{point.second, point.published, point.confirmed, point.delivered});
    latency.push_back(json::array{point.second, maybe(point.p50_ms), maybe(point.p99_ms)});
    if (waited) latency.back().get_array().push_back(maybe(point.wait_p99_ms));
    if (connected) connections.push_back(json::array{point.second, maybe(point.connections), maybe(point.blocked)});
    if (retried) retries.push_back(json::array{point.second, point.retries});
    if (document.depths.empty()) continue;
    json::array row{point.second};
    for (const auto& line : document.depths) row.emplace_back(at < line.depth.size() ? line.depth[at] : 0);
    depth.push_back(std::move(row));
  }
  for (const auto& line : document.depths) queues.emplace_back(valid_utf8(line.queue));
  for (const auto& fault : document.faults) {
    if (!fault.asked) continue;
    const Duration end = end_of(document);
    const Duration undo = fault.undo_asked.value_or(fault.restored.value_or(end));
    windows.push_back({{"name", fault.name},
                       {"start", seconds(fault.effective.value_or(*fault.asked))},
                       {"undo", seconds(undo)},
                       {"end", seconds(fault.restored.value_or(end))}});
  }
  return for_script({{"rates", std::move(rates)},
                     {"latency", std::move(latency)},
                     {"depth", std::move(depth)},
                     {"queues", std::move(queues)},
                     {"connections", std::move(connections)},
                     {"retries", std::move(retries)},
                     {"windows", std::move(windows)}});
}

}  // namespace troop::formats::html
