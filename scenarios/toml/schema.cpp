#include "scenarios/toml/schema.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <charconv>
#include <cmath>

#include "scenarios/model/value.hpp"
#include "scenarios/toml/keys.hpp"
#include "scenarios/toml/units.hpp"

namespace troop::scenarios {
namespace {

namespace json = boost::json;
using model::Parameter;
using model::ParameterType;

constexpr std::string_view duration_pattern = R"(^ *[0-9]+(\.[0-9]+)? *(ns|us|ms|s|m|h) *$)";
constexpr std::string_view number_bound_pattern = R"(^ *(<|<=|>|>=) *[0-9]+(\.[0-9]+)? *$)";
constexpr std::string_view duration_bound_pattern = R"(^ *(<|<=) *[0-9]+(\.[0-9]+)? *(ns|us|ms|s|m|h) *$)";

json::array texts(std::span<const std::string_view> list) {
  json::array out;
  for (const auto text : list) out.emplace_back(text);
  return out;
}

/// A whole number is written as one.
json::value number(double value) {
  const bool whole = std::abs(value) < 9e15 && std::floor(value) == value;
  return whole ? json::value(static_cast<std::int64_t>(value)) : json::value(value);
}

std::string duration_text(double seconds) {
  const bool hours = seconds > 0 && std::fmod(seconds, 3600) == 0;
  return hours ? fmt::format("{}h", seconds / 3600) : model::to_text(Duration{std::llround(seconds * 1e9)});
}

/// The range of a duration, which no keyword can say of text.
std::string with_range(std::string_view what, const std::optional<double>& minimum,
                       const std::optional<double>& maximum) {
  std::string out{what};
  if (minimum && maximum) return out + fmt::format(" ({} to {})", duration_text(*minimum), duration_text(*maximum));
  if (minimum && *minimum > 0) out += fmt::format(" (from {})", duration_text(*minimum));
  if (maximum) out += fmt::format(" (up to {})", duration_text(*maximum));
  return out;
}

json::value default_of(ParameterType type, std::string_view fallback) {
  if (type == ParameterType::boolean) return fallback == "true";
  if (type != ParameterType::integer && type != ParameterType::number) return json::value(fallback);
  double value = 0;
  std::from_chars(fallback.data(), fallback.data() + fallback.size(), value);
  return number(value);
}

json::object value_schema(const Key& key) {
  json::object out{{"description", key.what}};
  switch (key.type) {
    case ParameterType::boolean:
      out["type"] = "boolean";
      break;
    case ParameterType::integer:
    case ParameterType::number:
      out["type"] = key.type == ParameterType::integer ? "integer" : "number";
      if (key.minimum) out["minimum"] = number(*key.minimum);
      if (key.maximum) out["maximum"] = number(*key.maximum);
      break;
    case ParameterType::duration:
      out["description"] = with_range(key.what, key.minimum, key.maximum);
      out["type"] = "string";
      out["pattern"] = duration_pattern;
      break;
    case ParameterType::text:
      out["type"] = "string";
      if (key.minimum && *key.minimum > 0) out["minLength"] = number(*key.minimum);
      if (key.maximum) out["maxLength"] = number(*key.maximum);
      if (!key.pattern.empty()) out["pattern"] = key.pattern;
      break;
    case ParameterType::choice:
      out["enum"] = texts(key.choices);
      break;
    case ParameterType::text_list: {
      json::object item{{"type", "string"}, {"minLength", 1}};
      if (!key.choices.empty()) item = {{"enum", texts(key.choices)}};
      if (!key.pattern.empty()) item["pattern"] = key.pattern;
      out["type"] = "array";
      out["items"] = std::move(item);
      out["uniqueItems"] = true;
      if (key.maximum) out["maxItems"] = number(*key.maximum);
      return out;
    }
  }
  if (!key.fallback.empty()) out["default"] = default_of(key.type, key.fallback);
  return out;
}

json::object parameter_schema(const Parameter& parameter) {
  Key key{.path = parameter.name,
          .what = parameter.what,
          .type = parameter.type,
          .fallback = parameter.fallback,
          .minimum = parameter.minimum,
          .maximum = parameter.maximum,
          .choices = parameter.choices};
  if (parameter.type == ParameterType::integer && !key.minimum) key.minimum = 0;  // as the reader has it
  if (parameter.type == ParameterType::text) key.minimum = 1, key.maximum = 255;
  return value_schema(key);
}

json::object table_schema(std::string_view what) {
  return {{"description", what}, {"type", "object"}, {"additionalProperties", false}, {"properties", json::object{}}};
}

void add_property(json::object& table, std::string_view name, json::object schema, bool required = false) {
  table["properties"].as_object()[name] = std::move(schema);
  if (!required) return;
  if (!table.contains("required")) table["required"] = json::array{};
  table["required"].as_array().emplace_back(name);
}

void add_parameters(json::object& table, std::span<const Parameter> parameters) {
  for (const auto& parameter : parameters) {
    add_property(table, parameter.name, parameter_schema(parameter), parameter.required);
  }
}

/// `path` without its last name, and that name: "workload.queue", "name".
std::pair<std::string_view, std::string_view> split(std::string_view path) {
  const std::size_t dot = path.rfind('.');
  if (dot == std::string_view::npos) return {"", path};
  return {path.substr(0, dot), path.substr(dot + 1)};
}

json::object list_schema(const Key& key, json::object entries) {
  json::object out{{"description", key.what}, {"type", "array"}, {"items", std::move(entries)}};
  if (key.required) out["minItems"] = 1;
  if (key.maximum) out["maxItems"] = number(*key.maximum);
  return out;
}

/// The keys of keys.cpp that are directly in `parent`; tables with all that is in them. `parent` is "step[]" for the
/// entries of a list.
void add_keys(json::object& table, std::string_view parent) {
  for (const auto& key : keys()) {
    const auto [place, name] = split(key.path);
    if (place != parent) continue;
    json::object schema;
    if (key.as == Key::As::value) {
      schema = value_schema(key);
    } else {
      json::object inside = table_schema(key.what);
      const bool is_list = key.as == Key::As::tables;
      add_keys(inside, is_list ? std::string{key.path} + "[]" : std::string{key.path});
      schema = is_list ? list_schema(key, std::move(inside)) : std::move(inside);
    }
    add_property(table, name, std::move(schema), key.required);
  }
}

/// One kind of entry in a list: what is in every entry, and `discriminator = name`.
json::object variant(std::string_view parent, std::string_view discriminator, std::string_view name,
                     std::string_view summary) {
  json::object out = table_schema(summary);
  out["title"] = name;
  add_property(out, discriminator, {{"const", name}, {"description", summary}}, true);
  add_keys(out, parent);
  return out;
}

/// A host's name is free, but for those of other kinds of target.
std::string target_pattern(const model::FaultSpec& fault) {
  const auto acts_on = [&](std::string_view kind) {
    return std::ranges::find(fault.targets, kind) != fault.targets.end();
  };
  if (acts_on(model::zone_kind)) return std::string{name_pattern};
  if (!acts_on(model::host_kind)) return fmt::format("^({})(-[1-9][0-9]*)?$", fmt::join(fault.targets, "|"));
  if (fault.targets.size() == 1) return std::string{name_pattern};
  std::vector<std::string_view> others;
  for (const std::string_view kind : {"broker", "producer", "consumer", "local"}) {
    if (!acts_on(kind)) others.push_back(kind);
  }
  return fmt::format("^(?!({})(-[1-9][0-9]*)?$){}", fmt::join(others, "|"), name_pattern.substr(1));
}

json::object fault_schema(const model::FaultSpec& fault) {
  json::object out = variant("step[]", "fault", fault.name, fault.summary);
  // "broker" is the first node; of workers and further nodes a number may say which; hosts have names of their own.
  add_property(out, "target",
               {{"description", fmt::format("who is broken: {}", fmt::join(fault.targets, ", "))},
                {"type", "string"},
                {"pattern", target_pattern(fault)}},
               true);
  if (fault.period != model::FaultSpec::Period::none) {
    add_property(out, "for",
                 {{"description", "how long the fault is held"}, {"type", "string"}, {"pattern", duration_pattern}},
                 fault.period == model::FaultSpec::Period::required);
  }
  add_parameters(out, fault.parameters);
  return out;
}

json::object probe_schema(const model::ProbeSpec& probe) {
  json::object out = variant("steady_state[]", "probe", probe.name, probe.summary);
  json::object tolerance = table_schema("the bounds that a steady state keeps: measure = bound");
  for (const auto& measure : probe.measures) {
    const bool is_duration = measure.type == ParameterType::duration;
    add_property(tolerance, measure.name,
                 {{"description", measure.what},
                  {"type", "string"},
                  {"pattern", is_duration ? duration_bound_pattern : number_bound_pattern},
                  {"examples", json::array{is_duration ? "< 500ms" : ">= 0.999"}}});
  }
  tolerance["minProperties"] = 1;
  add_property(out, "tolerance", std::move(tolerance), true);
  add_parameters(out, probe.parameters);
  return out;
}

json::object invariant_schema(const model::InvariantEntry& entry) {
  json::object out = variant("invariant[]", "kind", entry.kind, entry.summary);
  add_parameters(out, entry.parameters);
  json::object expect{{"description", "anomalies that must show, explained by a fault"}, {"type", "array"}};
  if (entry.anomalies.empty()) {
    expect["maxItems"] = 0;
  } else {
    expect["items"] = json::object{{"enum", texts(entry.anomalies)}};
    expect["uniqueItems"] = true;
  }
  add_property(out, "expect", std::move(expect));
  return out;
}

template <class Entries, class Make>
void set_variants(json::object& root, std::string_view list, const Entries& entries, Make make) {
  json::array variants;
  for (const auto& entry : entries) variants.emplace_back(make(entry));
  root["properties"].at(list).as_object()["items"] = json::object{{"oneOf", std::move(variants)}};
}

}  // namespace

json::object scenario_schema(const model::Catalogue& catalogue) {
  json::object root = table_schema("An experiment: what runs, what is broken, and what must hold all the same.");
  add_keys(root, "");
  set_variants(root, "steady_state", catalogue.probes, probe_schema);
  set_variants(root, "step", catalogue.faults, fault_schema);
  set_variants(root, "invariant", catalogue.invariants, invariant_schema);
  json::object out{{"$schema", "https://json-schema.org/draft/2020-12/schema"}, {"title", "Troop scenario"}};
  for (auto& member : root) out.emplace(member.key(), std::move(member.value()));
  return out;
}

}  // namespace troop::scenarios
