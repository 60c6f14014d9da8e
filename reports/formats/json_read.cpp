// Reads run.json back: strict about what it knows, silent about what a later version added.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <boost/system/error_code.hpp>
#include <cmath>

#include "reports/formats/formats.hpp"
#include "reports/formats/json_text.hpp"
#include "reports/invariants/judge.hpp"

namespace troop::formats {
namespace {

namespace json = boost::json;

std::optional<Duration> maybe_duration(const Fields& in, std::string_view name) {
  const auto count = in.maybe_integer(name);
  return count ? std::optional{Duration{*count}} : std::nullopt;
}

FaultRecord read_fault(const Fields& in) {
  FaultRecord fault;
  fault.step = in.integer("step");
  fault.name = in.text("name");
  fault.target = in.text("target");
  fault.victim = in.text("victim");
  fault.victim_pid = in.maybe_integer("victim_pid").value_or(0);
  fault.back_end = in.text("back_end");
  fault.outcome = in.text("outcome");
  fault.detail = in.text("detail");
  fault.asked = maybe_duration(in, "asked_ns");
  fault.effective = maybe_duration(in, "effective_ns");
  fault.undo_asked = maybe_duration(in, "undo_asked_ns");
  fault.restored = maybe_duration(in, "restored_ns");
  fault.steady = maybe_duration(in, "steady_ns");
  fault.proof = in.text("proof");
  fault.restored_proof = in.text("restored_proof");
  fault.irreversible = in.texts("irreversible");
  return fault;
}

/// A column that earlier versions did not write: null for each point then.
std::vector<std::optional<std::int64_t>> added_column(const Fields& in, std::string_view name, std::size_t size) {
  std::vector<std::optional<std::int64_t>> column(size);
  if (!in.has(name)) return column;
  column.clear();
  for (const auto& value : in.maybe_numbers(name)) {
    if (value && !(std::abs(*value) < 1e15)) in.complain(name, "number out of range");
    column.push_back(value ? std::optional{std::llround(std::clamp(*value, -1e15, 1e15))} : std::nullopt);
  }
  if (column.size() != size) in.complain(name, "the columns differ in length");
  column.resize(size);
  return column;
}

std::vector<QueueDepth> read_depths(const Fields& in, std::size_t points) {
  std::vector<QueueDepth> depths;
  if (!in.has("depths")) return depths;
  for (const auto& line : in.objects("depths")) {
    depths.push_back({line.text("queue"), line.integers("depth")});
    if (depths.back().depth.size() != points) line.complain("depth", "as many numbers as the series has expected");
  }
  return depths;
}

std::vector<LogExcerpt> read_excerpts(const Fields& in) {
  std::vector<LogExcerpt> excerpts;
  if (!in.has("excerpts")) return excerpts;
  for (const auto& one : in.objects("excerpts")) {
    LogExcerpt excerpt{
        one.integer("step"), one.text("log"), Duration{one.integer("from_ns")}, Duration{one.integer("to_ns")}, {}};
    for (const auto& line : one.objects("lines")) {
      excerpt.lines.push_back({Duration{line.integer("at_ns")}, line.text("level"), line.text("text")});
    }
    excerpts.push_back(std::move(excerpt));
  }
  return excerpts;
}

std::vector<SeriesPoint> read_series(const Fields& in) {
  const auto second = in.integers("second");
  const auto published = in.integers("published");
  const auto confirmed = in.integers("confirmed");
  const auto delivered = in.integers("delivered");
  auto p50 = in.maybe_numbers("p50_ms");
  auto p99 = in.maybe_numbers("p99_ms");
  // Not in the first runs' documents.
  auto wait = in.has("wait_p99_ms") ? in.maybe_numbers("wait_p99_ms") : decltype(p50)(second.size());
  for (auto* column : {&p50, &p99, &wait}) {
    // The parser may be off by one unit in the last place; what was written are whole microseconds.
    for (auto& ms : *column) {
      if (ms) ms = std::round(*ms * 1000) / 1000;
    }
  }
  for (const std::size_t size :
       {published.size(), confirmed.size(), delivered.size(), p50.size(), p99.size(), wait.size()}) {
    if (size != second.size()) {
      in.complain("second", "the columns differ in length");
      return {};
    }
  }
  const auto retries = added_column(in, "retries", second.size());
  const auto connections = added_column(in, "connections", second.size());
  const auto blocked = added_column(in, "blocked", second.size());
  std::vector<SeriesPoint> series;
  for (std::size_t at = 0; at < second.size(); ++at) {
    series.push_back({second[at], published[at], confirmed[at], delivered[at], p50[at], p99[at],
                      retries[at].value_or(0), connections[at], blocked[at], wait[at]});
  }
  return series;
}

Story read_story(const Fields& in, const invariants::Judged& judged) {
  Story story;
  story.invariant = in.integer("invariant");
  story.anomaly = in.integer("anomaly");
  for (const auto& line : in.objects("lines")) {
    story.lines.push_back({Duration{line.integer("at_ns")}, line.text("text"), line.flag("witness")});
  }
  const auto inside = [](std::int64_t index, std::size_t size) {
    return index >= 0 && static_cast<std::uint64_t>(index) < size;
  };
  if (!inside(story.invariant, judged.invariants.size())) {
    in.complain("invariant", "there is no such invariant");
  } else if (!inside(story.anomaly, judged.invariants[static_cast<std::size_t>(story.invariant)].anomalies.size())) {
    in.complain("anomaly", "there is no such anomaly");
  }
  return story;
}

void read_setting(const Fields& in, RunDocument& document) {
  const Fields scenario = in.object("scenario");
  document.scenario_name = scenario.text("name");
  document.scenario_title = scenario.text("title");
  document.hypothesis = scenario.text("hypothesis");
  document.tags = scenario.texts("tags");
  document.scenario_path = scenario.text("path");
  document.overrides = scenario.texts("overrides");
  document.seed = scenario.natural("seed");
  document.scenario_text = scenario.text("text");

  const Fields host = in.object("host");
  document.host_name = host.text("name");
  document.host_kernel = host.text("kernel");
  document.host_cpus = host.integer("cpus");

  const Fields broker = in.object("broker");
  document.broker_kind = broker.text("kind");
  document.broker_version = broker.text("version");
  document.broker_port = broker.integer("port");
  document.versions = in.text_by_name("versions");
}

RunDocument read_document(const Fields& in, invariants::Judged judged) {
  RunDocument document;
  document.judged = std::move(judged);
  document.id = in.text("id");
  document.tool_version = in.text("tool_version");
  document.exit_code = static_cast<int>(in.integer("exit_code") & 0xFF);  // what a process can exit with
  const bool is_pass = document.judged.verdict == invariants::Verdict::pass;
  if ((document.exit_code == 0 && !is_pass) || in.integer("exit_code") != document.exit_code) {
    in.complain("exit_code", "none that such a run ends with");
  }
  document.ended_by = in.text("ended_by");
  document.started_wall_ns = in.integer("started_wall_ns");
  document.length = Duration{in.integer("length_ns")};
  document.problems = in.texts("problems");
  read_setting(in, document);
  document.counts = in.integer_by_name("counts");
  for (const auto& phase : in.objects("phases")) {
    document.phases.push_back(
        {phase.text("name"), Duration{phase.integer("start_ns")}, maybe_duration(phase, "end_ns")});
  }
  for (const auto& fault : in.objects("faults")) document.faults.push_back(read_fault(fault));
  document.series = read_series(in.object("series"));
  document.depths = read_depths(in, document.series.size());
  document.excerpts = read_excerpts(in);
  for (const auto& story : in.objects("stories")) document.stories.push_back(read_story(story, document.judged));
  return document;
}

}  // namespace

Result<RunDocument> from_json(std::string_view text, std::string_view source) {
  boost::system::error_code broken;
  json::value value;
  std::size_t parsed = 0;
  try {
    json::parser parser;
    parsed = parser.write_some(text.data(), text.size(), broken);
    if (!broken && text.find_first_not_of(" \t\r\n", parsed) != std::string_view::npos) {
      broken = json::error::extra_data;
    }
    if (!broken) value = parser.release();
  } catch (const std::exception& error) {  // a text or a list beyond what the library can hold
    return usage_error(fmt::format("{}: not JSON: {}", source, error.what()));
  }
  if (broken) return usage_error(fmt::format("{}: not JSON, from byte {} on: {}", source, parsed, broken.message()));
  if (!value.is_object()) return usage_error(fmt::format("{}: one JSON object expected", source));

  std::string problem;
  const Fields in{value.get_object(), "", problem};
  const std::int64_t schema = in.integer("schema");
  if (problem.empty() && schema != 1) {
    return usage_error(fmt::format("{}: schema {} is not known to this version, which reads schema 1", source, schema));
  }
  auto judged = invariants::judged_from_json(value.get_object());
  if (!judged) return std::move(judged).error().within(source);
  RunDocument document = read_document(in, std::move(judged).value());
  if (!problem.empty()) return usage_error(fmt::format("{}: {}", source, problem));
  return document;
}

}  // namespace troop::formats
