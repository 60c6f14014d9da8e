// report.html: one file that people open, print, attach and show. Nothing in it asks the network for anything, and its
// content security policy makes the browser hold it to that.
#include <fmt/format.h>

#include "reports/formats/assets.hpp"
#include "reports/formats/formats.hpp"
#include "reports/formats/html_sections.hpp"
#include "reports/formats/text.hpp"
#include "reports/formats/wording.hpp"

namespace troop::formats {
namespace {

constexpr std::string_view policy =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'";

std::string head(const RunDocument& document) {
  return fmt::format(R"(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="Troop {}">
<link rel="icon" href="data:,">
<title>{}: {} - Troop</title>
<style>{}{}</style>
</head>
)",
                     policy, html::escaped(document.tool_version), headline(document).word,
                     html::escaped(title(document)), assets::dygraphs_css, assets::report_css);
}

std::string bar(const RunDocument& document) {
  return fmt::format(R"(<a class="skip" href="#report">Skip to the report</a>
<header class="bar">
<p class="brand">Troop <span>experiment report</span></p>
<p class="run-id"><code>{}</code></p>
<button id="theme" type="button" hidden>Dark</button>
</header>
)",
                     html::escaped(document.id));
}

std::string foot(const RunDocument& document) {
  return fmt::format(R"(<footer>
<p>Troop {} judged {} from <code>history.ndjson</code>. The same evidence gives the same verdict:
<code>troop verify history.ndjson --invariants SCENARIO</code>.</p>
<p>Charts by dygraphs, MIT licence; its notice is in this file's source.</p>
</footer>
)",
                     html::escaped(document.tool_version), plural(document.judged.events, "event"));
}

}  // namespace

std::string to_html(const RunDocument& document) {
  std::string page = head(document);
  page += "<body>\n";
  page += bar(document);
  page += "<main id=\"report\">\n";
  page += html::verdict(document);
  page += html::figures(document);
  page += html::section("invariants", "What was judged", html::invariants(document));
  page += html::section("charts", "The run over time", html::charts(document));
  page += html::section("anomalies", "Anomalies, by fault", html::anomalies(document));
  page += html::section("faults", "What was broken", html::faults(document));
  page += html::section("logs", "What the broker said", html::logs(document));
  page += html::section("timeline", "How the run went", html::timeline(document));
  page += html::section("problems", "Problems", html::problems(document));
  page += html::section("environment", "Where it ran", html::environment(document));
  page += html::section("scenario", "The scenario, as it was read", html::source(document));
  page += "</main>\n";
  page += foot(document);
  page += fmt::format("<script type=\"application/json\" id=\"data\">{}</script>\n", html::chart_data(document));
  page += fmt::format("<!--\n{}-->\n", assets::dygraphs_licence);
  page += fmt::format("<script>{}</script>\n<script>{}</script>\n</body>\n</html>\n", assets::dygraphs_js,
                      assets::report_js);
  return page;
}

}  // namespace troop::formats
