#include "scenarios/toml/reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "scenarios/toml/asked.hpp"
#include "scenarios/toml/claims.hpp"
#include "scenarios/toml/document.hpp"
#include "scenarios/toml/sections.hpp"
#include "scenarios/toml/source.hpp"
#include "scenarios/toml/table_reader.hpp"
#include "scenarios/toml/units.hpp"

namespace troop::scenarios {
namespace {

void check(Document& document, const model::Catalogue& catalogue, model::Scenario& scenario) {
  TableReader root{document, document.root(), "", "a scenario"};
  read_sections(root, catalogue, scenario);
  read_invariant_list(root, catalogue, scenario.invariants);
  root.finish();
  const auto refused = refusals(scenario, catalogue, [&](std::string_view path) { return document.sound(path); });
  for (const auto& refusal : refused) document.problem(refusal.path, refusal.message);
  std::ranges::stable_sort(scenario.steps, {}, &model::Step::at);
}

/// Whether the file means to be a whole scenario, and not a list of invariants only.
bool is_scenario(const toml::table& root) {
  static constexpr std::array keys{"name", "title",  "hypothesis", "tags",         "duration",
                                   "host", "system", "workload",   "steady_state", "step"};
  return std::ranges::any_of(keys, [&](const char* key) { return root.contains(key); });
}

}  // namespace

std::string to_text(const Problem& problem) {
  std::string place = problem.file;
  if (problem.line > 0) place += fmt::format(":{}", problem.line);
  if (problem.line > 0 && problem.column > 0) place += fmt::format(":{}", problem.column);
  return place + ": " + problem.message;
}

Result<Override> parse_override(std::string_view text) {
  static constexpr std::string_view of_keys = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
  const auto equals = text.find('=');
  const std::string_view key = text.substr(0, equals);
  // Never the value, nor what cannot be a key: either may hold a secret.
  const std::string place =
      "--set " + in_quotes(key.substr(0, std::min(key.find_first_not_of(of_keys), std::size_t{256})));
  if (text.size() > max_line_bytes || !is_printable(text)) return usage_error(place + ": not plain text");
  if (equals == std::string_view::npos) return usage_error(place + ": expected key=value, such as workload.rate=500");
  const bool dotted = !key.empty() && key.size() <= 256 && !key.starts_with('.') && !key.ends_with('.') &&
                      key.find("..") == std::string_view::npos &&
                      key.find_first_not_of(of_keys) == std::string_view::npos;
  if (!dotted) return usage_error(place + ": what stands before = is not a dotted path, such as step.0.for");
  return Override{std::string{key}, std::string{text.substr(equals + 1)}};
}

std::vector<Asked> asked_keys(const std::string& text, const model::Catalogue& catalogue) {
  std::vector<Asked> asked;
  Document document{"text", {}};
  document.record(asked);
  model::Scenario scenario;
  if (document.parse(text)) check(document, catalogue, scenario);
  return asked;
}

ScenarioReading read_scenario(const std::filesystem::path& path, const model::Catalogue& catalogue,
                              std::span<const Override> overrides) {
  auto [text, unreadable] = read_source(path);
  if (unreadable) return {{}, {std::move(*unreadable)}, {}};
  ScenarioReading reading;
  Document document{path.string(), overrides};
  if (document.parse(text)) {
    model::Scenario scenario;
    check(document, catalogue, scenario);
    if (!document.has_problems()) reading.scenario = std::move(scenario);
  }
  reading.problems = document.take_problems();
  reading.source = std::move(text);
  return reading;
}

InvariantsReading read_invariants(const std::filesystem::path& path, const model::Catalogue& catalogue) {
  const auto [text, unreadable] = read_source(path);
  if (unreadable) return {{}, {*unreadable}};
  InvariantsReading reading;
  Document document{path.string(), {}};
  if (document.parse(text)) {
    model::Scenario scenario;
    if (is_scenario(document.root())) {
      check(document, catalogue, scenario);
    } else {
      TableReader root{document, document.root(), "", "a list of invariants"};
      read_invariant_list(root, catalogue, scenario.invariants);
      root.finish();
    }
    if (!document.has_problems()) reading.invariants = std::move(scenario.invariants);
  }
  reading.problems = document.take_problems();
  return reading;
}

}  // namespace troop::scenarios
