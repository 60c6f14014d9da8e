// run.json: what a program reads. The fields are a contract, documented in README.md beside this file.
#include <boost/json.hpp>
#include <cmath>

#include "reports/formats/formats.hpp"
#include "reports/formats/json_text.hpp"
#include "reports/formats/text.hpp"
#include "reports/invariants/judge.hpp"

namespace troop::formats {
namespace {

namespace json = boost::json;

json::value maybe_ns(const std::optional<Duration>& at) { return at ? json::value(at->count()) : json::value(); }

json::array texts(const std::vector<std::string>& items) {
  json::array list;
  for (const auto& item : items) list.emplace_back(item);
  return list;
}

json::array to_json(const std::vector<Phase>& phases) {
  json::array list;
  for (const auto& phase : phases) {
    list.push_back({{"name", phase.name}, {"start_ns", phase.start.count()}, {"end_ns", maybe_ns(phase.end)}});
  }
  return list;
}

json::array to_json(const std::vector<FaultRecord>& faults) {
  json::array list;
  for (const auto& fault : faults) {
    list.push_back({{"step", fault.step},
                    {"name", fault.name},
                    {"target", fault.target},
                    {"victim", fault.victim},
                    {"victim_pid", fault.victim_pid},
                    {"back_end", fault.back_end},
                    {"outcome", fault.outcome},
                    {"detail", fault.detail},
                    {"asked_ns", maybe_ns(fault.asked)},
                    {"effective_ns", maybe_ns(fault.effective)},
                    {"undo_asked_ns", maybe_ns(fault.undo_asked)},
                    {"restored_ns", maybe_ns(fault.restored)},
                    {"steady_ns", maybe_ns(fault.steady)},
                    {"proof", fault.proof},
                    {"restored_proof", fault.restored_proof},
                    {"irreversible", texts(fault.irreversible)}});
  }
  return list;
}

/// By column: an hour of load stays small, and each list is one line.
json::object to_json(const std::vector<SeriesPoint>& series) {
  json::array second, published, confirmed, delivered, p50, p99, wait, retries, connections, blocked;
  const auto whole = [](const std::optional<std::int64_t>& count) {
    return count ? json::value(*count) : json::value();
  };
  const auto maybe = [](const std::optional<double>& ms) {  // whole microseconds: short, and the same when read back
    return ms ? json::value(std::round(*ms * 1000) / 1000) : json::value();
  };
  for (const auto& point : series) {
    second.emplace_back(point.second);
    published.emplace_back(point.published);
    confirmed.emplace_back(point.confirmed);
    delivered.emplace_back(point.delivered);
    p50.push_back(maybe(point.p50_ms));
    p99.push_back(maybe(point.p99_ms));
    wait.push_back(maybe(point.wait_p99_ms));
    retries.emplace_back(point.retries);
    connections.push_back(whole(point.connections));
    blocked.push_back(whole(point.blocked));
  }
  return {{"second", std::move(second)},       {"published", std::move(published)},
          {"confirmed", std::move(confirmed)}, {"delivered", std::move(delivered)},
          {"p50_ms", std::move(p50)},          {"p99_ms", std::move(p99)},
          {"retries", std::move(retries)},     {"connections", std::move(connections)},
          {"blocked", std::move(blocked)},     {"wait_p99_ms", std::move(wait)}};
}

json::array to_json(const std::vector<QueueDepth>& depths) {
  json::array list;
  for (const auto& line : depths) {
    list.push_back({{"queue", line.queue}, {"depth", json::array(line.depth.begin(), line.depth.end())}});
  }
  return list;
}

json::array to_json(const std::vector<LogExcerpt>& excerpts) {
  json::array list;
  for (const auto& excerpt : excerpts) {
    json::array lines;
    for (const auto& line : excerpt.lines) {
      lines.push_back({{"at_ns", line.at.count()}, {"level", line.level}, {"text", line.text}});
    }
    list.push_back({{"step", excerpt.step},
                    {"log", excerpt.log},
                    {"from_ns", excerpt.from.count()},
                    {"to_ns", excerpt.to.count()},
                    {"lines", std::move(lines)}});
  }
  return list;
}

json::array to_json(const std::vector<Story>& stories) {
  json::array list;
  for (const auto& story : stories) {
    json::array lines;
    for (const auto& line : story.lines) {
      lines.push_back({{"at_ns", line.at.count()}, {"text", line.text}, {"witness", line.witness}});
    }
    list.push_back({{"invariant", story.invariant}, {"anomaly", story.anomaly}, {"lines", std::move(lines)}});
  }
  return list;
}

json::object by_name(const std::vector<std::pair<std::string, std::int64_t>>& counts) {
  json::object object;
  for (const auto& [name, count] : counts) object.emplace(name, count);
  return object;
}

json::object by_name(const std::vector<std::pair<std::string, std::string>>& values) {
  json::object object;
  for (const auto& [name, value] : values) object.emplace(name, value);
  return object;
}

}  // namespace

std::string to_json(const RunDocument& document) {
  json::object out;
  out["schema"] = 1;
  for (const auto& field : invariants::to_json(document.judged)) out.emplace(field.key(), field.value());
  out["id"] = document.id;
  out["tool_version"] = document.tool_version;
  out["exit_code"] = document.exit_code;
  out["ended_by"] = document.ended_by;
  out["started"] = wall_iso(document.started_wall_ns);
  out["started_wall_ns"] = document.started_wall_ns;
  out["length_ns"] = document.length.count();
  out["problems"] = texts(document.problems);
  out["scenario"] = {
      {"name", document.scenario_name}, {"title", document.scenario_title}, {"hypothesis", document.hypothesis},
      {"tags", texts(document.tags)},   {"path", document.scenario_path},   {"overrides", texts(document.overrides)},
      {"seed", document.seed},          {"text", document.scenario_text}};
  out["host"] = {{"name", document.host_name}, {"kernel", document.host_kernel}, {"cpus", document.host_cpus}};
  out["broker"] = {
      {"kind", document.broker_kind}, {"version", document.broker_version}, {"port", document.broker_port}};
  out["versions"] = by_name(document.versions);
  out["counts"] = by_name(document.counts);
  out["phases"] = to_json(document.phases);
  out["faults"] = to_json(document.faults);
  out["series"] = to_json(document.series);
  out["depths"] = to_json(document.depths);
  out["excerpts"] = to_json(document.excerpts);
  out["stories"] = to_json(document.stories);
  return pretty(out) + "\n";
}

}  // namespace troop::formats
