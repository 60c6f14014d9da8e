#include "controller/run/run_start.hpp"

#include <boost/json.hpp>
#include <variant>

#include "scenarios/model/topology.hpp"

namespace troop::controller {
namespace json = boost::json;
namespace {

json::object topology_json(const model::Topology& topology) {
  json::array exchanges, queues, bindings;
  for (const auto& exchange : topology.exchanges) {
    json::object out{{"name", exchange.name}, {"type", exchange.type}, {"durable", exchange.durable}};
    if (exchange.delays) out["delays"] = true;
    exchanges.push_back(std::move(out));
  }
  for (const auto& queue : topology.queues) {
    json::object arguments;
    for (const auto& argument : queue.arguments) {
      std::visit([&](const auto& value) { arguments[argument.name] = value; }, argument.value);
    }
    queues.push_back({{"name", queue.name},
                      {"type", queue.type == model::Queue::Type::quorum ? "quorum" : "classic"},
                      {"durable", queue.durable},
                      {"arguments", std::move(arguments)}});
  }
  for (const auto& binding : topology.bindings) {
    json::object out{{"exchange", binding.exchange}, {"queue", binding.queue}, {"routing_key", binding.routing_key}};
    if (!binding.ends_in.empty()) {
      // What counts is where the messages are delivered from; on the way there they wait.
      out["queue"] = binding.ends_in;
      out["via"] = binding.queue;
    }
    bindings.push_back(std::move(out));
  }
  return {{"exchanges", std::move(exchanges)}, {"queues", std::move(queues)}, {"bindings", std::move(bindings)}};
}

}  // namespace

json::object run_start(const model::Scenario& scenario, const Plan& plan, std::string_view broker_version,
                       std::int64_t wall_ns) {
  const auto& workload = scenario.workload;
  json::array steps;
  for (const auto& step : plan.steps) steps.push_back({{"fault", step.fault}, {"target", step.victim}});
  static constexpr std::string_view ack_names[] = {"none", "manual", "auto"};
  return {{"phase", "start"},
          {"format", 1},
          {"scenario", scenario.name},
          {"seed", static_cast<std::int64_t>(plan.seed)},
          {"broker",
           {{"kind", scenario.broker.kind},
            {"version", broker_version},
            {"nodes", std::max<std::size_t>(scenario.broker.nodes_on.size(), 1)}}},
          {"wall", wall_ns},
          {"topology", topology_json(model::topology_of(workload))},
          {"consume",
           {{"ack", ack_names[static_cast<std::size_t>(workload.consume.ack)]}, {"effects", workload.consume.effects}}},
          {"steps", std::move(steps)}};
}

}  // namespace troop::controller
