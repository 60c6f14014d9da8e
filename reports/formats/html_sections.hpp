// The parts of report.html, in the order of the page. Each returns a whole element, or nothing where it has nothing to
// say.
#pragma once

#include <string>
#include <string_view>

#include "reports/formats/run_document.hpp"

namespace troop::formats::html {

/// Safe as an element's text and inside a double-quoted attribute: valid UTF-8, no control characters, no markup.
std::string escaped(std::string_view text);

/// A section with its heading; `body` is HTML. Empty body: nothing.
std::string section(std::string_view id, std::string_view heading, std::string_view body);

std::string verdict(const RunDocument& document);
std::string figures(const RunDocument& document);
std::string invariants(const RunDocument& document);
std::string charts(const RunDocument& document);
std::string timeline(const RunDocument& document);
std::string faults(const RunDocument& document);
std::string anomalies(const RunDocument& document);
std::string logs(const RunDocument& document);
std::string problems(const RunDocument& document);
std::string environment(const RunDocument& document);
std::string source(const RunDocument& document);

/// Where the time axis ends: nothing that happened lies beyond it.
Duration end_of(const RunDocument& document);

/// What the charts draw, as JSON that is safe inside a script element.
std::string chart_data(const RunDocument& document);

}  // namespace troop::formats::html
