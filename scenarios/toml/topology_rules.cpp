#include "scenarios/toml/topology_rules.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "scenarios/model/topology.hpp"
#include "scenarios/toml/units.hpp"

namespace troop::scenarios {
namespace {

using model::Queue;

/// A setting that one type of queue does not have. Source: RabbitMQ's "quorum queues" page, feature matrix, 3.10.
struct Rule {
  bool broken;
  std::string_view key;
  std::string_view why;
};

void refuse_settings(const Queue& queue, std::vector<Refusal>& out) {
  const bool quorum = queue.type == Queue::Type::quorum;
  const Rule rules[] = {
      {quorum && !queue.durable, "durable",
       "a quorum queue is always durable: use durable = true, or type = \"classic\""},
      {quorum && queue.lazy, "lazy", "a quorum queue has no lazy mode: it keeps its messages on disk anyway"},
      {quorum && queue.mirrored, "mirrored", "a quorum queue has copies on other nodes anyway"},
      {quorum && queue.max_priority > 0, "max_priority",
       "a quorum queue has no priorities in this version of RabbitMQ: use type = \"classic\""},
      {quorum && queue.overflow == Queue::Overflow::reject_publish_dlx, "overflow",
       "a quorum queue cannot dead-letter what it rejects: use \"reject-publish\", or type = \"classic\""},
      {!quorum && queue.delivery_limit.has_value(), "delivery_limit",
       "only a quorum queue counts deliveries: use type = \"quorum\""},
  };
  for (const Rule& rule : rules) {
    if (rule.broken) out.push_back({fmt::format("workload.queue.{}", rule.key), std::string{rule.why}});
  }
}

/// The first of two declarations with one name stays, the later one is refused.
template <class Declarations>
void refuse_same_names(const Declarations& declarations, std::string_view what, std::vector<Refusal>& out) {
  for (auto later = declarations.begin(); later != declarations.end(); ++later) {
    const auto earlier = std::ranges::find(declarations.begin(), later, later->name, &Declarations::value_type::name);
    if (earlier == later) continue;
    out.push_back(
        {std::string{later->key}, fmt::format("another {} is called {} already, by {}: give each its own name", what,
                                              in_quotes(later->name), earlier->key)});
  }
}

void refuse_same_names(model::Workload workload, std::vector<Refusal>& out) {
  // What shall be missing must not be there under another one's name.
  workload.exchange.exists = true;
  if (workload.queue.dead_letter) workload.queue.dead_letter->exists = true;
  const model::Topology topology = model::topology_of(workload);
  refuse_same_names(topology.exchanges, "exchange", out);
  refuse_same_names(topology.queues, "queue", out);
}

void refuse_pattern(const model::Workload& workload, std::vector<Refusal>& out) {
  if (workload.exchange.name.empty() || workload.exchange.type != model::Exchange::Type::topic) return;
  if (workload.queue.name.find_first_of("*#") == std::string::npos) return;
  out.push_back(
      {"workload.queue.name",
       "it is the routing key as well, in which * and # stand for words at an exchange of type \"topic\": use "
       "neither, or another type of exchange"});
}

void refuse_fan_out(const model::Workload& workload, const Sound& sound, std::vector<Refusal>& out) {
  if (workload.queue.copies == 1) return;
  if (workload.exchange.name.empty()) {
    out.push_back({"workload.queue.copies",
                   "the default exchange routes to one queue only: name an exchange in [workload.exchange]"});
  }
  if (sound("workload.consumers") && workload.consumers > 0 && workload.consumers < workload.queue.copies) {
    out.push_back({"workload.consumers",
                   fmt::format("{} queues need at least as many consumers: each works on one", workload.queue.copies)});
  }
}

void refuse_publish(const model::Workload& workload, std::vector<Refusal>& out) {
  const auto& publish = workload.publish;
  if (publish.priorities > 0 && workload.queue.max_priority < publish.priorities - 1) {
    out.push_back({"workload.publish.priorities",
                   fmt::format("the queue does not have so many: use workload.queue.max_priority = {}",
                               std::max<std::int64_t>(1, publish.priorities - 1))});
  }
  if (!publish.delays.empty() && workload.queue.copies > 1) {
    out.push_back({"workload.publish.delays", "a delayed message comes back to one queue: use copies = 1"});
  }
  if (publish.delays_by == model::Publish::DelaysBy::plugin) {
    if (publish.delays.empty()) {
      out.push_back({"workload.publish.delays_by", "nothing is delayed: say how long in 'delays'"});
    } else if (publish.mandatory) {
      out.push_back({"workload.publish.mandatory",
                     "the delayed-message plugin returns every message that it delays, as if no queue took it: use "
                     "mandatory = false"});
    }
  }
  if (!workload.profile.empty() && workload.rate == 0) {
    out.push_back({"workload.rate", "with rate = 0 the window sets the rate, and no profile can: begin with a rate"});
  }
  if (publish.retry.blocking && workload.rate == 0) {
    out.push_back({"workload.publish.retry.blocking",
                   "with rate = 0 there are no callers that could wait: use a rate, or blocking = false"});
  }
}

void refuse_without_plugin(const model::Scenario& scenario, std::vector<Refusal>& out) {
  const auto& broker = scenario.broker;
  if (scenario.workload.publish.delays_by != model::Publish::DelaysBy::plugin) return;
  if (!broker.managed) {
    out.push_back(
        {"workload.publish.delays_by",
         "on a broker that others run nobody could take back what the plugin still holds when a run is ended: "
         "use \"queues\""});
    return;
  }
  if (std::ranges::find(broker.plugins, model::delay_plugin) != broker.plugins.end()) return;
  out.push_back({"workload.publish.delays_by",
                 fmt::format("the broker would not have that plugin: add plugins = [\"{}\"] to [system.broker]",
                             model::delay_plugin)});
}

void refuse_profile(const model::Scenario& scenario, const Sound& sound, std::vector<Refusal>& out) {
  const auto& profile = scenario.workload.profile;
  for (std::size_t i = 0; i < profile.size(); ++i) {
    const std::string path = fmt::format("workload.profile.{}.at", i);
    if (!sound(path) || profile[i].at < scenario.duration) continue;
    out.push_back({path, fmt::format("'at' ({}) is not before the end of the experiment ({})",
                                     model::to_text(profile[i].at), model::to_text(scenario.duration))});
  }
}

void refuse_consume(const model::Workload& workload, std::vector<Refusal>& out) {
  const auto& consume = workload.consume;
  const bool none = consume.ack == model::Consume::Ack::none;
  const bool before = consume.ack_when == model::Consume::AckWhen::before;
  const bool republishes = consume.on_failure == model::Consume::OnFailure::republish;
  if (none && before) {
    out.push_back({"workload.consume.ack_when", "with ack = \"none\" nothing is acknowledged: use ack = \"manual\""});
  }
  if (republishes && (none || before)) {
    out.push_back({"workload.consume.on_failure",
                   "what was acknowledged before cannot be given up: use ack = \"manual\" and ack_when = \"after\""});
  }
  if (consume.idempotency != model::Consume::Idempotency::none && !consume.effects) {
    out.push_back({"workload.consume.idempotency", "it is about effects, and none are recorded: use effects = true"});
  }
}

}  // namespace

void refuse_topology(const model::Scenario& scenario, const Sound& sound, std::vector<Refusal>& out) {
  const auto& workload = scenario.workload;
  if (sound("system.broker") && sound("workload.publish")) refuse_without_plugin(scenario, out);
  if (sound("duration")) refuse_profile(scenario, sound, out);
  if (!sound("workload.queue")) return;
  refuse_settings(workload.queue, out);
  if (sound("workload.exchange")) {
    refuse_fan_out(workload, sound, out);
    refuse_pattern(workload, out);
  }
  if (sound("workload.publish")) refuse_publish(workload, out);
  if (sound("workload.consume")) refuse_consume(workload, out);
  if (sound("workload.exchange") && sound("workload.publish") && sound("workload.consume"))
    refuse_same_names(workload, out);
}

}  // namespace troop::scenarios
