// troop list: what there is, with its parameters.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <iterator>
#include <memory>

#include "controller/cli/commands.hpp"
#include "controller/cli/support.hpp"

namespace troop::controller {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

std::string_view type_name(model::ParameterType type) {
  switch (type) {
    case model::ParameterType::boolean:
      return "boolean";
    case model::ParameterType::integer:
      return "integer";
    case model::ParameterType::number:
      return "number";
    case model::ParameterType::duration:
      return "duration";
    case model::ParameterType::text:
      return "text";
    case model::ParameterType::choice:
      return "choice";
    case model::ParameterType::text_list:
      return "list of texts";
  }
  return "text";
}

std::string_view period_name(model::FaultSpec::Period period) {
  switch (period) {
    case model::FaultSpec::Period::required:
      return "required";
    case model::FaultSpec::Period::optional:
      return "optional";
    case model::FaultSpec::Period::none:
      return "none";
  }
  return "none";
}

/// "choice, default SIGKILL, one of SIGKILL, SIGTERM"
std::string described(const model::Parameter& parameter) {
  std::string out{type_name(parameter.type)};
  if (parameter.required) out += ", required";
  if (!parameter.fallback.empty()) out += fmt::format(", default {}", parameter.fallback);
  if (!parameter.choices.empty()) out += fmt::format(", one of {}", fmt::join(parameter.choices, ", "));
  const std::string_view unit = parameter.type == model::ParameterType::duration ? "s" : "";
  if (parameter.minimum) out += fmt::format(", from {}{}", *parameter.minimum, unit);
  if (parameter.maximum) out += fmt::format(", up to {}{}", *parameter.maximum, unit);
  return out;
}

void add_line(std::string& out, std::string_view label, std::string_view text) {
  fmt::format_to(std::back_inserter(out), "    {:<11} {}\n", label, text);
}

void add_parameters(std::string& out, const std::vector<model::Parameter>& parameters) {
  for (const auto& parameter : parameters) {
    add_line(out, parameter.name, fmt::format("{} ({})", parameter.what, described(parameter)));
  }
}

json::array texts(const std::vector<std::string_view>& list) {
  json::array out;
  for (const auto text : list) out.emplace_back(text);
  return out;
}

json::array parameters_json(const std::vector<model::Parameter>& parameters) {
  json::array out;
  for (const auto& parameter : parameters) {
    json::object one{{"name", parameter.name},
                     {"type", type_name(parameter.type)},
                     {"what", parameter.what},
                     {"required", parameter.required},
                     {"choices", texts(parameter.choices)}};
    one["default"] = parameter.fallback.empty() ? json::value(nullptr) : json::value(parameter.fallback);
    one["minimum"] = parameter.minimum ? json::value(*parameter.minimum) : json::value(nullptr);
    one["maximum"] = parameter.maximum ? json::value(*parameter.maximum) : json::value(nullptr);
    out.emplace_back(std::move(one));
  }
  return out;
}

std::string faults_text() {
  std::string out;
  for (const auto& fault : catalogue().faults) {
    out += fmt::format("{}\n", fault.name);
    add_line(out, "what", fault.summary);
    add_line(out, "target", fmt::format("{}", fmt::join(fault.targets, ", ")));
    add_line(out, "for", period_name(fault.period));
    add_parameters(out, fault.parameters);
    add_line(out, "by", fault.back_end);
    for (const auto what : fault.client_sees) add_line(out, "clients see", what);
    add_line(out, "undo", fmt::format("{}; at most {}", fault.undo, model::to_text(fault.undo_max)));
    for (const auto effect : fault.irreversible) add_line(out, "not undone", effect);
    out += '\n';
  }
  return out;
}

json::array faults_json() {
  json::array out;
  for (const auto& fault : catalogue().faults) {
    out.emplace_back(json::object{{"name", fault.name},
                                  {"summary", fault.summary},
                                  {"targets", texts(fault.targets)},
                                  {"for", period_name(fault.period)},
                                  {"parameters", parameters_json(fault.parameters)},
                                  {"back_end", fault.back_end},
                                  {"proof", fault.proof},
                                  {"undo", fault.undo},
                                  {"undo_max_ns", fault.undo_max.count()},
                                  {"irreversible", texts(fault.irreversible)},
                                  {"client_sees", texts(fault.client_sees)}});
  }
  return out;
}

std::string probes_text() {
  std::string out;
  for (const auto& probe : catalogue().probes) {
    out += fmt::format("{}\n", probe.name);
    add_line(out, "what", probe.summary);
    add_parameters(out, probe.parameters);
    for (const auto& measure : probe.measures) {
      add_line(out, "measures", fmt::format("{}: {} ({})", measure.name, measure.what, described(measure)));
    }
    out += '\n';
  }
  return out;
}

json::array probes_json() {
  json::array out;
  for (const auto& probe : catalogue().probes) {
    out.emplace_back(json::object{{"name", probe.name},
                                  {"summary", probe.summary},
                                  {"parameters", parameters_json(probe.parameters)},
                                  {"measures", parameters_json(probe.measures)}});
  }
  return out;
}

std::string invariants_text() {
  std::string out;
  for (const auto& entry : catalogue().invariants) {
    out += fmt::format("{}\n", entry.kind);
    add_line(out, "what", entry.summary);
    add_parameters(out, entry.parameters);
    if (!entry.anomalies.empty()) add_line(out, "expect", fmt::format("any of {}", fmt::join(entry.anomalies, ", ")));
    out += '\n';
  }
  return out;
}

json::array invariants_json() {
  json::array out;
  for (const auto& entry : catalogue().invariants) {
    out.emplace_back(json::object{{"kind", entry.kind},
                                  {"summary", entry.summary},
                                  {"anomalies", texts(entry.anomalies)},
                                  {"parameters", parameters_json(entry.parameters)}});
  }
  return out;
}

struct Listed {
  std::string group, name;  ///< "broker", "broker/stop"
  std::size_t problems = 0;
  model::Scenario scenario;
};

std::vector<Listed> scenarios_in(const fs::path& library) {
  std::vector<Listed> found;
  std::error_code failed;
  for (fs::recursive_directory_iterator entry{library, failed}, end; !failed && entry != end; entry.increment(failed)) {
    std::error_code ignored;
    if (entry->path().extension() != ".toml" || !entry->is_regular_file(ignored)) continue;
    auto reading = scenarios::read_scenario(entry->path(), catalogue());
    const fs::path name = entry->path().lexically_relative(library).replace_extension();
    found.push_back({name.parent_path().string(), name.string(), reading.problems.size(),
                     reading.scenario ? std::move(*reading.scenario) : model::Scenario{}});
  }
  std::ranges::sort(found, {}, [](const Listed& l) { return std::pair{l.group, l.name}; });
  return found;
}

/// "delivery at-least-once (lost must show), accounting"
std::string proves(const model::Scenario& scenario) {
  std::vector<std::string> out;
  for (const auto& invariant : scenario.invariants) {
    std::string text = invariant.kind;
    for (const auto& [name, value] : invariant.parameters) {
      if (const auto* word = std::get_if<std::string>(&value)) text += " " + *word;
      if (const auto* limit = std::get_if<Duration>(&value))
        text += fmt::format(" {} {}", name, model::to_text(*limit));
    }
    if (!invariant.expect.empty()) text += fmt::format(" ({} must show)", fmt::join(invariant.expect, ", "));
    out.push_back(std::move(text));
  }
  return fmt::format("{}", fmt::join(out, ", "));
}

std::string scenarios_text(const std::vector<Listed>& list) {
  std::string out, group = "\n";
  for (const auto& [folder, name, problems, scenario] : list) {
    if (folder != group) out += fmt::format("{}{}\n", out.empty() ? "" : "\n", folder.empty() ? "." : folder);
    group = folder;
    if (problems > 0) {
      out += fmt::format("  {:<42}{} problems; troop validate {} shows them\n", printable(name), problems,
                         printable(name));
      continue;
    }
    out += fmt::format("  {:<42}{}; {} of load, about 15s more for start and end\n", printable(name), scenario.title,
                       model::to_text(scenario.duration));
    if (!scenario.hypothesis.empty()) out += fmt::format("  {:<42}{}\n", "", scenario.hypothesis);
    out += fmt::format("  {:<42}judged: {}\n", "", proves(scenario));
  }
  return out;
}

json::array scenarios_json(const std::vector<Listed>& list) {
  json::array out;
  for (const auto& [folder, name, problems, scenario] : list) {
    json::array tags;
    for (const auto& tag : scenario.tags) tags.emplace_back(tag);
    out.emplace_back(json::object{{"name", name},
                                  {"title", scenario.title},
                                  {"hypothesis", scenario.hypothesis},
                                  {"tags", std::move(tags)},
                                  {"duration_ns", scenario.duration.count()},
                                  {"judged", proves(scenario)},
                                  {"problems", problems}});
  }
  return out;
}

int list(const std::string& what, const std::string& format, const std::string& library) {
  const bool as_json = format == "json";
  const auto print = [&](auto text, auto values) {
    return print_answer(as_json ? json::serialize(values()) + "\n" : text());
  };
  if (what == "faults") return print(faults_text, faults_json);
  if (what == "probes") return print(probes_text, probes_json);
  if (what == "invariants") return print(invariants_text, invariants_json);
  const auto folder = library_folder(library);
  if (!folder) return report_error(folder.error());
  const auto found = scenarios_in(folder.value());
  return print([&] { return scenarios_text(found); }, [&] { return scenarios_json(found); });
}

}  // namespace

void add_list(CLI::App& app, int& exit_code) {
  struct Options {
    std::string what, format = "text", library;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("list", "List what there is, with parameters, units, defaults and choices");
  command->add_option("WHAT", options->what, "faults, probes, invariants or scenarios")
      ->required()
      ->check(CLI::IsMember({"faults", "probes", "invariants", "scenarios"}));
  command->add_option("--format", options->format, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  command->add_option("--library", options->library, "folder of ready scenarios, for `list scenarios`");
  command->footer("Example: troop list faults");
  command->callback([options, &exit_code] { exit_code = list(options->what, options->format, options->library); });
}

}  // namespace troop::controller
