#include "scenarios/toml/selector_rules.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "scenarios/model/cgroup_path.hpp"
#include "scenarios/model/process_parameters.hpp"
#include "scenarios/model/unit_name.hpp"

namespace troop::scenarios {
namespace {

constexpr std::size_t stars_max = 8;  // a pattern with many takes for ever to match

const std::string* text_of(const model::Step& step, std::string_view name) {
  const auto found = step.parameters.find(name);
  return found == step.parameters.end() ? nullptr : std::get_if<std::string>(&found->second);
}

/// What is wrong with the value of a selector; empty if nothing.
std::string wrong_value(const model::Step& step, std::string_view selector) {
  const auto* text = text_of(step, selector);
  if (text == nullptr) return "";
  if (selector == "name" && text->find('/') != std::string::npos)
    return "'name' is the name of a program, without folders";
  if (selector == "command_line" && std::ranges::count(*text, '*') > static_cast<std::ptrdiff_t>(stars_max))
    return fmt::format("'command_line' has more than {} stars", stars_max);
  if (selector == "command_line" && text->find_first_not_of("*? ") == std::string::npos)
    return "'command_line' matches every process";
  if (selector == "pid_file" && !text->starts_with('/')) return "'pid_file' is no absolute path";
  if (selector == "cgroup" && (!text->starts_with('/') || text->find_first_not_of('/') == std::string::npos))
    return "'cgroup' is no path below the root, such as \"/system.slice/nginx.service\"";
  if (selector == "unit" && !model::is_unit_name(*text))
    return "'unit' is no whole name of a unit with processes, such as \"nginx.service\" or \"getty@tty1.service\"";
  if (selector == "container" &&
      text->find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") != std::string::npos)
    return "'container' is no name or id of a container";
  return "";
}

/// Where room is taken: in a folder of a host, or on the disk that is the broker's alone.
std::optional<Refusal> wrong_folder(const model::Scenario& scenario, const model::Step& step,
                                    const model::FaultSpec& fault, std::string_view path) {
  const auto* folder = text_of(step, "path");
  const auto refuse = [&](std::string_view key, std::string why) {
    return Refusal{fmt::format("{}.{}", path, key), std::move(why)};
  };
  if (is_part(step.target)) {
    if (folder != nullptr)
      return refuse("path", fmt::format("'path' is for a host; '{}' has a disk of its own", step.target));
    if (scenario.broker.disk_mib == 0)
      return refuse("target", "the broker has no disk of its own: system.broker.disk_mib says how large");
    return std::nullopt;
  }
  if (folder == nullptr) return refuse("fault", fmt::format("{} on a host needs 'path': a folder", fault.name));
  if (!folder->starts_with('/')) return refuse("path", "'path' is no absolute path");
  return std::nullopt;
}

}  // namespace

bool is_part(std::string_view target) {
  return std::ranges::any_of(std::initializer_list<std::string_view>{"broker", "producer", "consumer"}, [&](auto kind) {
    return target == kind || (target.starts_with(kind) && target.substr(kind.size()).starts_with('-'));
  });
}

std::optional<Refusal> wrong_selection(const model::Step& step, const model::FaultSpec& fault, std::string_view path) {
  const auto takes = [&](std::string_view name) {
    return std::ranges::find(fault.parameters, name, &model::Parameter::name) != fault.parameters.end();
  };
  if (!takes("pid_file")) return std::nullopt;
  std::vector<std::string_view> given, counts;
  for (const auto name : model::process_selectors) {
    if (step.parameters.contains(name)) given.push_back(name);
  }
  for (const auto name : model::process_counts) {
    if (step.parameters.contains(name)) counts.push_back(name);
  }
  const auto refuse = [&](std::string_view key, std::string why) {
    return Refusal{fmt::format("{}.{}", path, key), std::move(why)};
  };
  if (is_part(step.target)) {
    if (!given.empty() || !counts.empty()) {
      const auto key = given.empty() ? counts.front() : given.front();
      return refuse(
          key, fmt::format("'{}' chooses among the processes of a host, and '{}' is one process", key, step.target));
    }
    return std::nullopt;
  }
  if (given.empty()) {
    return refuse("target", fmt::format("{} on '{}' does not say which processes: one of {}", step.fault, step.target,
                                        fmt::join(model::process_selectors, ", ")));
  }
  if (given.size() > 1)
    return refuse(given[1], fmt::format("'{}' and '{}' both say which processes: give one", given[0], given[1]));
  if (step.parameters.contains("count") && step.parameters.contains("percent"))
    return refuse("percent", "'count' and 'percent' both say how many: give one");
  if (auto wrong = wrong_value(step, given.front()); !wrong.empty()) return refuse(given.front(), std::move(wrong));
  return std::nullopt;
}

std::optional<Refusal> wrong_control_group(const model::Step& step, const model::FaultSpec& fault,
                                           std::string_view path) {
  const auto* group = text_of(step, "cgroup");
  if (group == nullptr || !fault.name.starts_with("network.")) return std::nullopt;
  const auto refuse = [&](std::string why) { return Refusal{fmt::format("{}.cgroup", path), std::move(why)}; };
  if (is_part(step.target)) return refuse(fmt::format("'cgroup' is for a host; '{}' has one of its own", step.target));
  if (step.target == model::hosts_target)
    return refuse("'cgroup' is of one host's processes, and between groups of hosts each loses the other's");
  if (model::is_cgroup_path(*group)) return std::nullopt;
  return refuse("'cgroup' is no path below the root of the unified hierarchy, such as \"/system.slice/shop.service\"");
}

std::optional<Refusal> wrong_service(const model::Step& step, const model::FaultSpec& fault, std::string_view path) {
  const auto takes = [&](std::string_view name) {
    return std::ranges::find(fault.parameters, name, &model::Parameter::name) != fault.parameters.end();
  };
  if (!takes("unit") || !takes("container") || takes("pid_file")) return std::nullopt;
  const auto refuse = [&](std::string_view key, std::string why) {
    return Refusal{fmt::format("{}.{}", path, key), std::move(why)};
  };
  const auto *unit = text_of(step, "unit"), *container = text_of(step, "container");
  if (unit == nullptr && container == nullptr) {
    return refuse("fault", fmt::format("{} does not say which: 'container' or 'unit'", step.fault));
  }
  if (unit != nullptr && container != nullptr) return refuse("unit", "'container' and 'unit' both say which: give one");
  if (unit == nullptr) {
    auto wrong = wrong_value(step, "container");
    return wrong.empty() ? std::nullopt : std::optional{refuse("container", std::move(wrong))};
  }
  if (!model::is_service_name(*unit))
    return refuse("unit", "'unit' is no whole name of a service, such as \"nginx.service\"");
  if (model::is_vital_service(*unit))
    return refuse("unit", fmt::format("{} is never stopped: the host, or the way into it, needs it", *unit));
  return std::nullopt;
}

std::optional<Refusal> wrong_amount(const model::Scenario& scenario, const model::Step& step,
                                    const model::FaultSpec& fault, std::string_view path) {
  const auto takes = [&](std::string_view name) {
    return std::ranges::find(fault.parameters, name, &model::Parameter::name) != fault.parameters.end();
  };
  const bool share = step.parameters.contains("percent"), amount = step.parameters.contains("mib");
  if (takes("mib") && takes("percent") && share == amount) {
    return Refusal{fmt::format("{}.{}", path, share ? "percent" : "fault"),
                   share ? std::string{"'mib' and 'percent' both say how much: give one"}
                         : fmt::format("{} does not say how much: 'mib' or 'percent'", step.fault)};
  }
  return takes("path") ? wrong_folder(scenario, step, fault, path) : std::nullopt;
}

std::optional<Refusal> not_accepted(const model::Scenario& scenario, const model::Step& step,
                                    const model::FaultSpec& fault, std::string_view path) {
  const bool accepted = std::ranges::find(scenario.accept, fault.name) != scenario.accept.end();
  if (!fault.outlives_agent || accepted || is_part(step.target)) return std::nullopt;
  return Refusal{
      fmt::format("{}.fault", path),
      fmt::format("{0} on '{1}' stays in force where the agent and its guardian are both killed, until the next "
                  "agent starts or 'troop-agent undo --all' ends it; accept that by name: accept = [\"{0}\"]",
                  fault.name, step.target)};
}

std::optional<Refusal> wrong_acceptance(const model::Scenario& scenario, const model::Catalogue& catalogue) {
  std::vector<std::string_view> possible;
  for (const auto& fault : catalogue.faults) {
    if (fault.outlives_agent) possible.push_back(fault.name);
  }
  for (const auto& name : scenario.accept) {
    if (std::ranges::find(possible, name) != possible.end()) continue;
    return Refusal{"accept", fmt::format("'{}' is no fault that outlives its agent; those are {}", name,
                                         fmt::join(possible, ", "))};
  }
  return std::nullopt;
}

}  // namespace troop::scenarios
