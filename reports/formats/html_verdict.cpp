// The top of report.html: what came out, and why.
#include <fmt/format.h>

#include "reports/formats/html_sections.hpp"
#include "reports/formats/text.hpp"
#include "reports/formats/wording.hpp"

namespace troop::formats::html {
namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";

std::string badge(std::string_view tone, std::string_view words) {
  return fmt::format(R"(<span class="badge {}">{}</span>)", tone, words);
}

std::string list(const std::vector<std::string>& items, std::string_view css_class) {
  if (items.empty()) return {};
  std::string text = fmt::format("<ul class=\"{}\">", css_class);
  for (const auto& item : items) text += "<li>" + escaped(item) + "</li>";
  return text + "</ul>";
}

std::string fact(std::string_view name, std::string_view value) {
  return value.empty() ? "" : fmt::format("<div><dt>{}</dt><dd>{}</dd></div>", name, escaped(value));
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string safe;
  safe.reserve(text.size());
  for (const char c : valid_utf8(text)) {
    switch (c) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '"':
        safe += "&quot;";
        break;
      case '\'':
        safe += "&#39;";
        break;
      case '\n':
      case '\t':
        safe += c;
        break;
      case '\r':
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)
          safe += replacement;
        else
          safe += c;
    }
  }
  return safe;
}

std::string section(std::string_view id, std::string_view heading, std::string_view body) {
  if (body.empty()) return {};
  return fmt::format(
      "<section id=\"{0}\" aria-labelledby=\"{0}-heading\">\n<h2 id=\"{0}-heading\">{1}</h2>\n{2}</section>\n", id,
      heading, body);
}

std::string verdict(const RunDocument& document) {
  const Headline head = headline(document);
  const auto tone = troop::invariants::to_text(document.judged.verdict);
  std::string text;
  if (!head.alarm.empty()) {
    text +=
        fmt::format("<p class=\"alarm\" role=\"alert\"><strong>Not restored.</strong> {}</p>\n", escaped(head.alarm));
  }
  text += fmt::format(
      "<div class=\"verdict {}\">\n<p class=\"word\">{}</p>\n<div>\n<h1>{}</h1>\n<p class=\"lead\">{}</p>\n", tone,
      head.word, escaped(title(document)), escaped(head.sentence));
  if (!head.ending.empty()) text += fmt::format("<p class=\"ending\">{}</p>\n", escaped(head.ending));
  if (!document.hypothesis.empty()) {
    text += fmt::format("<p class=\"hypothesis\"><span>Hypothesis</span> {}</p>\n", escaped(document.hypothesis));
  }
  text += "<dl class=\"facts\">";
  text += fact("Scenario", document.scenario_name);
  text += fact("Began", wall_text(document.started_wall_ns));
  text += fact("Took", span_text(document.length));
  if (!document.broker_kind.empty()) text += fact("Broker", document.broker_kind + " " + document.broker_version);
  text += fact("Seed", fmt::format("{}", document.seed));
  text += fact("Tags", fmt::format("{}", fmt::join(document.tags, ", ")));
  return text + "</dl>\n</div>\n</div>\n";
}

std::string figures(const RunDocument& document) {
  if (document.counts.empty()) return {};
  std::string text = "<dl class=\"figures\" aria-label=\"Counts of the whole run\">\n";
  for (const auto& [name, count] : document.counts) {
    const auto [words, value] = in_words(name, count);
    text += fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", escaped(words), value);
  }
  return text + "</dl>\n";
}

std::string invariants(const RunDocument& document) {
  if (document.judged.invariants.empty()) return {};
  std::string text =
      "<table class=\"stack\">\n<thead><tr><th scope=\"col\">Outcome</th><th scope=\"col\">Invariant</th>"
      "<th scope=\"col\">Counted</th><th scope=\"col\">Why</th></tr></thead>\n<tbody>\n";
  for (const auto& judgement : document.judged.invariants) {
    const auto outcome = troop::invariants::to_text(judgement.outcome);
    text += fmt::format(
        "<tr><td>{}</td><th scope=\"row\">{}</th><td data-label=\"Counted\">{}</td><td "
        "data-label=\"Why\">{}</td></tr>\n",
        badge(outcome, outcome), escaped(judgement.kind), list(telling_counts(judgement.counts), "counts"),
        list(judgement.reasons, "reasons"));
  }
  return text + "</tbody>\n</table>\n";
}

}  // namespace troop::formats::html
