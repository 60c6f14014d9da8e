// A plan as people and programs read it.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <iterator>
#include <string_view>
#include <vector>

#include "controller/plan/plan.hpp"

namespace troop::controller {
namespace {

using model::to_text;

std::string parameters_text(const model::Parameters& parameters) {
  std::vector<std::string> list;
  for (const auto& [name, value] : parameters) list.push_back(fmt::format("{} = {}", name, to_text(value)));
  return fmt::format("{}", fmt::join(list, ", "));
}

std::string workload_text(const model::Workload& load) {
  const bool quorum = load.queue.type == model::Queue::Type::quorum;
  const std::string rate = load.rate > 0 ? fmt::format("{} messages/s", load.rate) : "as fast as it goes";
  return fmt::format("{} producers, {} consumers, {} of {} bytes, {} keys; {} queue {}, {}durable", load.producers,
                     load.consumers, rate, load.payload_bytes, load.keys, quorum ? "quorum" : "classic",
                     load.queue.name, load.queue.durable ? "" : "not ");
}

/// Who runs the broker; of one that others run, what would be touched there.
std::string broker_text(const model::Scenario& scenario) {
  const auto& broker = scenario.broker;
  if (!broker.nodes_on.empty()) {
    return fmt::format("  broker        {}, a private cluster on {}, started and ended\n", broker.kind,
                       fmt::join(broker.nodes_on, ", "));
  }
  if (!broker.attach) return "  broker        " + broker.kind + ", a private one that is started and ended\n";
  const auto& attach = *broker.attach;
  const model::WorkloadNames names = model::names_of(scenario.workload);
  const std::string_view whose = attach.create         ? "which the run makes and deletes"
                                 : attach.shared_vhost ? "where others may be too"
                                                       : "which must be empty";
  std::string out = fmt::format("  broker        {} that others run, at {}, managed at {}\n", broker.kind,
                                attach.url_from, attach.management_from);
  if (!attach.ca_file.empty()) out += fmt::format("  certificates  of CAs in {}\n", attach.ca_file);
  out += fmt::format("  vhost         {}, {}\n", attach.vhost, whose);
  const std::string exchanges =
      names.exchanges.empty() ? std::string{} : fmt::format("; exchanges {}", fmt::join(names.exchanges, ", "));
  out += fmt::format("  declares      queues {}{}; all deleted at the end\n", fmt::join(names.queues, ", "), exchanges);
  if (!attach.allow.empty()) out += fmt::format("  allowed       {}\n", fmt::join(attach.allow, ", "));
  if (attach.control.any()) out += "  controlled    by " + model::to_text(attach.control) + "\n";
  return out;
}

/// A line of its own under a step: "            undone by   SIGCONT".
void add_detail(std::string& out, std::string_view label, std::string_view text) {
  const std::string line = fmt::format("            {:<12}{}", label, text);
  out.append(line, 0, line.find_last_not_of(' ') + 1).append("\n");
}

void add_step(std::string& out, const PlannedStep& step) {
  const std::string who = step.victim == step.target ? step.victim
                                                     : fmt::format("{} (of {}{})", step.victim, step.target,
                                                                   step.by_seed ? ", by the seed" : "");
  const std::string held = step.period ? "held " + to_text(*step.period) : "put back at once";
  fmt::format_to(std::back_inserter(out), "  {:>8}  {} on {}, {}\n", to_text(step.at), step.fault, who, held);
  add_detail(out, "what", step.spec.summary);
  if (!step.parameters.empty()) add_detail(out, "with", parameters_text(step.parameters));
  add_detail(out, "by", step.spec.back_end);
  add_detail(out, "proven by", step.spec.proof);
  for (std::size_t i = 0; i < step.spec.client_sees.size(); ++i) {
    add_detail(out, i == 0 ? "clients see" : "", fmt::format("- {}", step.spec.client_sees[i]));
  }
  add_detail(out, "undone by", step.spec.undo);
  add_detail(out, "undo takes", "at most " + to_text(step.spec.undo_max));
  for (std::size_t i = 0; i < step.spec.irreversible.size(); ++i) {
    add_detail(out, i == 0 ? "not undone" : "", fmt::format("- {}", step.spec.irreversible[i]));
  }
}

boost::json::object step_json(const PlannedStep& step) {
  boost::json::object parameters;
  for (const auto& [name, value] : step.parameters) parameters[name] = to_text(value);
  boost::json::array irreversible;
  for (const auto effect : step.spec.irreversible) irreversible.emplace_back(effect);
  boost::json::array client_sees;
  for (const auto what : step.spec.client_sees) client_sees.emplace_back(what);
  boost::json::object out;
  out["number"] = step.number;
  out["at_ns"] = step.at.count();
  out["for_ns"] = step.period ? boost::json::value(step.period->count()) : boost::json::value(nullptr);
  out["fault"] = step.fault;
  out["target"] = step.target;
  out["victim"] = step.victim;
  out["parameters"] = std::move(parameters);
  out["summary"] = step.spec.summary;
  out["back_end"] = step.spec.back_end;
  out["proof"] = step.spec.proof;
  out["undo"] = step.spec.undo;
  out["undo_max_ns"] = step.spec.undo_max.count();
  out["irreversible"] = std::move(irreversible);
  out["client_sees"] = std::move(client_sees);
  return out;
}

}  // namespace

std::string to_text(const Plan& plan, const model::Scenario& scenario) {
  std::string out = scenario.name;
  if (!scenario.title.empty()) out += ": " + scenario.title;
  fmt::format_to(std::back_inserter(out), "\n\n  seed          {}\n", plan.seed);
  if (!scenario.hypothesis.empty()) out += "  hypothesis    " + scenario.hypothesis + "\n";
  if (!scenario.environment.empty()) out += "  environment   " + scenario.environment + "\n";
  out += broker_text(scenario);
  out += "  workload      " + workload_text(scenario.workload) + "\n";
  for (const auto& steady : plan.steady_state) out += "  steady state  " + steady + "\n";
  out += "\nFrom the steady state on\n\n";
  for (const auto& step : plan.steps) add_step(out, step);
  const std::string_view end = plan.steps.empty() ? "the experiment ends, with nothing broken"
                                                  : "the experiment ends; the load goes on until recovery is decided";
  fmt::format_to(std::back_inserter(out), "  {:>8}  {}\n      then  drain the queue, and judge\n",
                 to_text(scenario.duration), end);
  for (const auto& invariant : scenario.invariants) {
    std::string claim = parameters_text(invariant.parameters);
    if (!invariant.expect.empty()) {
      claim += fmt::format("{}expects {}", claim.empty() ? "" : "; ", fmt::join(invariant.expect, ", "));
    }
    add_detail(out, invariant.kind, claim);
  }
  return out;
}

boost::json::object to_json(const Plan& plan, const model::Scenario& scenario) {
  boost::json::array steps;
  for (const auto& step : plan.steps) steps.emplace_back(step_json(step));
  boost::json::object out;
  out["scenario"] = scenario.name;
  out["title"] = scenario.title;
  out["hypothesis"] = scenario.hypothesis;
  out["environment"] = scenario.environment;
  out["seed"] = plan.seed;
  out["duration_ns"] = scenario.duration.count();
  out["steady_state"] = boost::json::array(plan.steady_state.begin(), plan.steady_state.end());
  out["steps"] = std::move(steps);
  return out;
}

}  // namespace troop::controller
