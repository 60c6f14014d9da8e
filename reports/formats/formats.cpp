#include "reports/formats/formats.hpp"

#include <algorithm>
#include <array>

namespace troop::formats {
namespace {

// A new document is one line here, one file of its own, and one golden file in tests/golden/expected.
constexpr std::array<Format, 5> table{{
    {"terminal", "",
     [](const RunDocument& document, const Options& options) { return to_terminal(document, options); }},
    {"json", "run.json", [](const RunDocument& document, const Options&) { return to_json(document); }},
    {"html", "report.html", [](const RunDocument& document, const Options&) { return to_html(document); }},
    {"junit", "junit.xml",
     [](const RunDocument& document, const Options& options) { return to_junit(document, options); }},
    {"markdown", "summary.md",
     [](const RunDocument& document, const Options& options) { return to_markdown(document, options); }},
}};

}  // namespace

std::span<const Format> formats() { return table; }

const Format* find_format(std::string_view name) {
  const auto found =
      std::find_if(table.begin(), table.end(), [&](const Format& format) { return format.name == name; });
  return found == table.end() ? nullptr : &*found;
}

}  // namespace troop::formats
