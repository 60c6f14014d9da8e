#include "scenarios/toml/claims.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "scenarios/toml/fault_rules.hpp"
#include "scenarios/toml/group_rules.hpp"
#include "scenarios/toml/host_rules.hpp"
#include "scenarios/toml/selector_rules.hpp"
#include "scenarios/toml/topology_rules.hpp"
#include "scenarios/toml/units.hpp"

namespace troop::scenarios {
namespace {

using model::Consume;
using model::Publish;
using model::Scenario;
using model::Step;

/// An anomaly that these settings bring about without any bug, and why.
struct Hazard {
  std::string_view anomaly;
  std::string reason;
  bool with_effect = true;  ///< False: of messages on which the handler fails, so that they have no effect.
};

/// "step 2 (broker.kill)" for the first step that does it.
template <class Predicate>
std::optional<std::string> first_step(const Scenario& scenario, Predicate does) {
  for (std::size_t i = 0; i < scenario.steps.size(); ++i) {
    if (does(scenario.steps[i])) return fmt::format("step.{} ({})", i, scenario.steps[i].fault);
  }
  return std::nullopt;
}

/// Settings that may lose messages (transient messages, ack = "none") are no refusal: to show what they cost is what a
/// run is for. Refused is what a run could not judge, or what fails by the scenario's own design.
std::vector<Hazard> hazards(const Scenario& scenario) {
  const auto& publish = scenario.workload.publish;
  const bool acknowledges = scenario.workload.consume.ack != Consume::Ack::none;
  std::vector<Hazard> found;
  if (publish.confirm == Publish::Confirm::none) {
    found.push_back(
        {"lost", "with publish.confirm = \"none\" nobody ever knows what the broker has, so no loss could be seen"});
  }
  if (!scenario.workload.exchange.name.empty() && !scenario.workload.exchange.exists) {
    found.push_back({"lost", publish.delays.empty()
                                 ? "with exchange.exists = false no publish is ever confirmed, so no loss could be seen"
                                 : "with exchange.exists = false there is no way back from the delays"});
  }
  if (publish.confirm != Publish::Confirm::none && publish.retry.attempts > 1) {
    found.push_back(
        {"duplicated", fmt::format("publish.retry.attempts = {} resends what was not confirmed in time, the broker "
                                   "may hold it already, and nothing removes duplicates",
                                   publish.retry.attempts)});
  }
  const auto cuts = first_step(scenario, [](const Step& s) {
    return s.target.starts_with("broker") || s.target.starts_with("consumer") || s.fault.starts_with("network.") ||
           s.fault == "zone.down";
  });
  if (cuts && acknowledges) {
    found.push_back(
        {"redelivered", fmt::format("{} can cut a consumer off before its acknowledgement arrives, and the broker "
                                    "then delivers again",
                                    *cuts)});
  }
  const auto& consume = scenario.workload.consume;
  if (consume.poison_every > 0 && consume.on_failure == Consume::OnFailure::requeue && acknowledges &&
      consume.ack_when == Consume::AckWhen::after) {
    found.push_back(
        {"redelivered", "with consume.on_failure = \"requeue\" every poison message is delivered again", false});
  }
  return found;
}

bool expects(const model::InvariantSpec& invariant, std::string_view anomaly) {
  return std::ranges::find(invariant.expect, anomaly) != invariant.expect.end();
}

std::string text_parameter(const model::InvariantSpec& invariant, std::string_view name) {
  const auto found = invariant.parameters.find(name);
  const auto* text = found == invariant.parameters.end() ? nullptr : std::get_if<std::string>(&found->second);
  return text == nullptr ? std::string{} : *text;
}

/// Whether `anomaly` violates what the invariant claims, under the name that the invariant has for it (else empty).
std::string_view broken_by(const Scenario& scenario, const model::InvariantSpec& invariant, std::string_view anomaly) {
  if (invariant.kind == "accounting") return anomaly == "lost" ? "unaccounted" : "";
  if (invariant.kind == "effect") {
    const bool once = scenario.workload.consume.idempotency != Consume::Idempotency::none;
    return anomaly == "lost" ? "lost" : once ? "" : "double";
  }
  if (invariant.kind != "delivery") return "";
  const std::string guarantee = text_parameter(invariant, "guarantee");
  const bool no_loss = guarantee != "at-most-once", no_second = guarantee != "at-least-once";
  return (anomaly == "lost" ? no_loss : no_second) ? anomaly : "";
}

void refuse_guarantees(const Scenario& scenario, std::size_t i, std::vector<Refusal>& out) {
  const auto& invariant = scenario.invariants[i];
  std::string_view already;  // one reason for an anomaly is enough
  for (const auto& hazard : hazards(scenario)) {
    if (invariant.kind == "effect" && !hazard.with_effect) continue;
    const std::string_view anomaly = broken_by(scenario, invariant, hazard.anomaly);
    if (anomaly.empty() || expects(invariant, anomaly) || already == anomaly) continue;
    already = anomaly;
    const bool is_delivery = invariant.kind == "delivery";
    const std::string claim =
        is_delivery ? in_quotes(text_parameter(invariant, "guarantee")) : fmt::format("'{}'", invariant.kind);
    out.push_back({fmt::format("invariant.{}.{}", i, is_delivery ? "guarantee" : "kind"),
                   fmt::format("{} cannot be kept: {}. Change the settings or the claim, or say expect = [\"{}\"]",
                               claim, hazard.reason, anomaly)});
  }
}

void refuse_order(const Scenario& scenario, std::size_t i, std::vector<Refusal>& out) {
  const auto& invariant = scenario.invariants[i];
  if (!invariant.expect.empty()) return;
  const auto& workload = scenario.workload;
  const auto& publish = workload.publish;
  const std::string per = text_parameter(invariant, "per");
  const auto refuse = [&](std::string reason) {
    out.push_back({fmt::format("invariant.{}.per", i),
                   fmt::format("order per {} cannot be kept: {}", in_quotes(per), std::move(reason))});
  };
  if (per == "queue" && workload.consumers > 1) {
    refuse(
        fmt::format("{} consumers take turns on the queue, and RabbitMQ keeps order within one consumer only; "
                    "claim per = \"key\", or use one consumer",
                    workload.consumers));
  }
  if (per == "queue" && workload.producers > 1) {
    refuse(
        fmt::format("{} producers number their messages apart, so they have no common order; "
                    "claim per = \"producer\", or use one producer",
                    workload.producers));
  }
  if (std::ranges::adjacent_find(publish.delays, std::ranges::not_equal_to{}) != publish.delays.end()) {
    refuse(
        "publish.delays has more than one delay, and what is delayed for less time comes before what was "
        "published first; use one delay, or say expect = [\"inversion\"]");
  }
  if (publish.priorities > 1) {
    refuse(
        fmt::format("publish.priorities = {}, and messages of a higher priority overtake the others; use none, "
                    "or say expect = [\"inversion\"]",
                    publish.priorities));
  }
}

void refuse_claims(const Scenario& scenario, const Sound& sound, std::vector<Refusal>& out) {
  const bool settings_known = sound("workload") && sound("step");
  for (std::size_t i = 0; i < scenario.invariants.size(); ++i) {
    const auto& invariant = scenario.invariants[i];
    const std::string path = fmt::format("invariant.{}", i);
    if (!sound(path)) continue;
    if (settings_known) refuse_guarantees(scenario, i, out);
    if (invariant.kind == "order" && sound("workload.consumers") && sound("workload.producers") &&
        sound("workload.publish"))
      refuse_order(scenario, i, out);
    if (invariant.kind == "effect" && sound("workload.consume") && !scenario.workload.consume.effects) {
      out.push_back({path + ".kind", "no effect is recorded: use workload.consume.effects = true"});
    }
    if (invariant.kind == "recovery" && scenario.steady_state.empty() && sound("steady_state")) {
      out.push_back(
          {path + ".kind", "'recovery' is the way back to the steady state, and there is no [[steady_state]]"});
    } else if (invariant.kind == "recovery" && scenario.steps.empty() && sound("step")) {
      out.push_back({path + ".kind", "'recovery' is counted from the end of a fault, and there is no [[step]]"});
    }
    for (std::size_t j = 0; j < i; ++j) {
      const auto& other = scenario.invariants[j];
      if (sound(fmt::format("invariant.{}", j)) && other.kind == invariant.kind &&
          other.parameters == invariant.parameters) {
        out.push_back({path + ".kind", fmt::format("the same claim as invariant.{}", j)});
        break;
      }
    }
  }
}

struct Target {
  std::string_view kind;
  std::optional<std::int64_t> number;  ///< None: the broker, or a group.
};

/// "consumer-2" as consumer, 2. No number where the text after the dash is not one written the plain way.
Target split(std::string_view target) {
  const std::size_t dash = target.rfind('-');
  if (dash == std::string_view::npos) return {target, {}};
  const std::string_view digits = target.substr(dash + 1);
  const bool plain = !digits.empty() && digits.size() <= 6 && digits.front() != '0' &&
                     digits.find_first_not_of("0123456789") == std::string_view::npos;
  if (!plain) return {target, {}};
  return {target.substr(0, dash), std::stoll(std::string{digits})};
}

bool acts_on(const model::FaultSpec& fault, std::string_view kind) {
  return std::ranges::find(fault.targets, kind) != fault.targets.end();
}

std::string wrong_host(const Scenario& scenario, const model::FaultSpec& fault, const Step& step) {
  std::vector<std::string> names;
  for (const auto& host : scenario.hosts) names.push_back(host.name);
  if (names.empty()) return fmt::format("{} acts on a host, and there is no [[host]]", fault.name);
  const auto takes_groups = std::ranges::find(fault.parameters, "groups", &model::Parameter::name);
  if (step.target == model::hosts_target && takes_groups != fault.parameters.end()) return "";
  if (std::ranges::find(names, step.target) != names.end()) return "";
  return fmt::format("there is no host {}{}", in_quotes(step.target), hint(step.target, names));
}

/// A node of a cluster can be signalled. Other faults would reach what one of the nodes knows.
std::string wrong_node(const Scenario& scenario, const model::FaultSpec& fault, const Step& step,
                       std::optional<std::int64_t> number) {
  const std::size_t nodes = scenario.broker.nodes_on.size();
  if (nodes > 0 && !fault.on_each_node) return fmt::format("{} is not done to a cluster", fault.name);
  if (!number) return "";
  if (nodes == 0) return "there is one broker: target = \"broker\"";
  if (*number == 1) return "the first node is called \"broker\"";
  if (static_cast<std::size_t>(*number) > nodes)
    return fmt::format("there is no {}: system.broker.nodes_on has {} hosts", step.target, nodes);
  return "";
}

/// What is wrong with the step's target; empty if nothing.
std::string wrong_target(const Scenario& scenario, const model::FaultSpec& fault, const Step& step,
                         const Sound& sound) {
  if (acts_on(fault, model::zone_kind))
    return sound("host") && sound("system.broker") && sound("workload") ? wrong_zone(scenario, step) : "";
  if (acts_on(fault, model::host_kind)) {
    if (!sound("host")) return "";
    const auto worker = split(step.target).kind;
    const bool on_worker = (worker == "producer" || worker == "consumer") && acts_on(fault, worker);
    if (fault.targets.size() == 1 || (!acts_on(fault, model::local_target) && !on_worker))
      return wrong_host(scenario, fault, step);
    if (std::ranges::find(scenario.hosts, step.target, &model::Host::name) != scenario.hosts.end()) return "";
  }
  const auto [kind, number] = split(step.target);
  const bool is_local = kind == model::local_target && acts_on(fault, kind);
  if (is_local && number) return "there is one machine: target = \"local\"";
  if (is_local) return scenario.hosts.empty() ? "" : "with [[host]], name one of them instead of \"local\"";
  if (!acts_on(fault, kind) || kind == model::host_kind) {
    std::vector<std::string> possible;
    for (const auto allowed : fault.targets) {
      if (allowed == model::host_kind) continue;
      possible.emplace_back(allowed);
      if (allowed != "broker" && allowed != model::local_target) possible.push_back(std::string{allowed} + "-1");
    }
    for (const auto& host : scenario.hosts) possible.push_back(host.name);
    return fmt::format("{} cannot act on {}{}", fault.name, in_quotes(step.target), hint(step.target, possible));
  }
  if (kind == "broker") return wrong_node(scenario, fault, step, number);
  const bool producer = kind == "producer";
  const std::int64_t workers = producer ? scenario.workload.producers : scenario.workload.consumers;
  if (!sound(producer ? "workload.producers" : "workload.consumers")) return "";
  if (workers == 0) return fmt::format("there is no {}: workload.{}s = 0", kind, kind);
  if (number && *number > workers) return fmt::format("there is no {}: workload.{}s = {}", step.target, kind, workers);
  if (fault.name == "clock.skew" && sound("system.broker") && !scenario.broker.attach)
    return "a worker shows its clock to nobody but a broker with TLS, and a managed one has none";
  return "";
}

bool may_be_the_same(std::string_view a, std::string_view b) {
  const Target left = split(a), right = split(b);
  if (left.kind == "broker") return a == b;  // without a number it is the first node, and no group
  return left.kind == right.kind && (!left.number || !right.number || *left.number == *right.number);
}

bool may_hit_the_same(const Scenario& scenario, const Step& a, const Step& b) {
  const auto one = targets_of(scenario, a), other = targets_of(scenario, b);
  return std::ranges::any_of(one, [&](const std::string& target) {
    return std::ranges::any_of(other, [&](const std::string& each) { return may_be_the_same(target, each); });
  });
}

bool overlap(const Step& a, const Step& b) {
  const Duration a_end = a.at + a.period.value_or(Duration{0}), b_end = b.at + b.period.value_or(Duration{0});
  return a.at == b.at || (a.at < b_end && b.at < a_end);
}

void refuse_steps(const Scenario& scenario, const model::Catalogue& catalogue, const Sound& sound,
                  std::vector<Refusal>& out) {
  if (auto refusal = wrong_acceptance(scenario, catalogue); refusal && sound("accept"))
    out.push_back(std::move(*refusal));
  std::vector<std::size_t> good;
  for (std::size_t i = 0; i < scenario.steps.size(); ++i) {
    const auto& step = scenario.steps[i];
    const std::string path = fmt::format("step.{}", i);
    const auto fault = std::ranges::find(catalogue.faults, step.fault, &model::FaultSpec::name);
    if (fault != catalogue.faults.end() && sound(path + ".target")) {
      if (auto wrong = wrong_target(scenario, *fault, step, sound); !wrong.empty())
        out.push_back({path + ".target", std::move(wrong)});
    }
    if (sound(path + ".at") && sound("duration") && step.at >= scenario.duration) {
      out.push_back({path + ".at", fmt::format("'at' ({}) is not before the end of the experiment ({})",
                                               model::to_text(step.at), model::to_text(scenario.duration))});
    }
    if (sound(path) && sound("workload.exchange")) {
      if (auto refusal = without_sense(scenario.workload, step, path)) out.push_back(std::move(*refusal));
    }
    if (sound(path) && fault != catalogue.faults.end()) {
      if (auto refusal = wrong_groups(scenario, step, *fault, path); refusal && sound("host"))
        out.push_back(std::move(*refusal));
      if (auto refusal = wrong_selection(step, *fault, path)) out.push_back(std::move(*refusal));
      if (auto refusal = wrong_control_group(step, *fault, path)) out.push_back(std::move(*refusal));
      if (auto refusal = wrong_service(step, *fault, path)) out.push_back(std::move(*refusal));
      if (auto refusal = wrong_amount(scenario, step, *fault, path)) out.push_back(std::move(*refusal));
      if (auto refusal = not_accepted(scenario, step, *fault, path)) out.push_back(std::move(*refusal));
    }
    // Faults on a host compose: each has rules, victims or children of its own.
    const bool composes = fault != catalogue.faults.end() && acts_on(*fault, model::host_kind) && !is_part(step.target);
    if (sound(path) && !composes) good.push_back(i);
  }
  for (std::size_t a = 0; a < good.size(); ++a) {
    for (std::size_t b = 0; b < a; ++b) {
      const auto &later = scenario.steps[good[a]], &earlier = scenario.steps[good[b]];
      if (!may_hit_the_same(scenario, later, earlier) || !overlap(later, earlier)) continue;
      out.push_back({fmt::format("step.{}.at", good[a]),
                     fmt::format("overlaps step.{}: {} and {} may be in force on the same target ({}) at once", good[b],
                                 earlier.fault, later.fault, later.target)});
      break;
    }
  }
}

/// What may not be done to a broker that others run.
void refuse_on_attached(const Scenario& scenario, const Sound& sound, std::vector<Refusal>& out) {
  if (!scenario.broker.attach || !sound("system.broker") || !sound("workload")) return;
  for (std::size_t i = 0; i < scenario.steps.size(); ++i) {
    const auto& step = scenario.steps[i];
    if (!sound(fmt::format("step.{}", i))) continue;
    auto why = model::refusal(*scenario.broker.attach, scenario.workload, step.fault, step.parameters);
    if (!why.empty()) out.push_back({fmt::format("step.{}.fault", i), std::move(why)});
  }
}

}  // namespace

std::vector<Refusal> refusals(const Scenario& scenario, const model::Catalogue& catalogue, const Sound& sound) {
  std::vector<Refusal> out;
  const auto& workload = scenario.workload;
  refuse_topology(scenario, sound, out);
  refuse_hosts(scenario, sound, out);
  if (workload.keys < workload.producers && sound("workload.keys") && sound("workload.producers")) {
    out.push_back(
        {"workload.keys", fmt::format("{} keys for {} producers: each key belongs to one producer, so there must be "
                                      "at least as many",
                                      workload.keys, workload.producers)});
  }
  refuse_steps(scenario, catalogue, sound, out);
  refuse_on_attached(scenario, sound, out);
  refuse_claims(scenario, sound, out);
  return out;
}

}  // namespace troop::scenarios
