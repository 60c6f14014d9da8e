#include "scenarios/model/topology.hpp"

#include <algorithm>
#include <array>

namespace troop::model {
namespace {

std::int64_t milliseconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

std::vector<QueueArgument> arguments_of(const Queue& queue) {
  static constexpr std::array<std::string_view, 3> overflows{"drop-head", "reject-publish", "reject-publish-dlx"};
  std::vector<QueueArgument> out;
  if (queue.type == Queue::Type::quorum) out.push_back({"x-queue-type", std::string{"quorum"}});
  if (queue.lazy) out.push_back({"x-queue-mode", std::string{"lazy"}});
  if (queue.single_active_consumer) out.push_back({"x-single-active-consumer", true});
  if (queue.max_priority > 0) out.push_back({"x-max-priority", queue.max_priority});
  if (queue.message_ttl) out.push_back({"x-message-ttl", milliseconds(*queue.message_ttl)});
  if (queue.expires) out.push_back({"x-expires", milliseconds(*queue.expires)});
  if (queue.max_length) {
    out.push_back({"x-max-length", *queue.max_length});
    out.push_back({"x-overflow", std::string{overflows.at(static_cast<std::size_t>(queue.overflow))}});
  }
  if (queue.delivery_limit) out.push_back({"x-delivery-limit", *queue.delivery_limit});
  if (queue.dead_letter) {
    out.push_back({"x-dead-letter-exchange", queue.dead_letter->exchange});
    out.push_back({"x-dead-letter-routing-key", queue.dead_letter->queue});
  }
  return out;
}

void add_worked_queues(const Workload& workload, Topology& out) {
  const Queue& queue = workload.queue;
  const Exchange& exchange = workload.exchange;
  for (std::int64_t copy = 1; copy <= queue.copies; ++copy) {
    const std::string name = queue.copies == 1 ? queue.name : queue.name + "." + std::to_string(copy);
    out.queues.push_back({name, queue.type, queue.durable, arguments_of(queue)});
    if (!exchange.name.empty() && exchange.exists && exchange.bound) {
      out.bindings.push_back({exchange.name, name, queue.name});
    }
  }
}

void add_dead_letters(const Queue& queue, Topology& out) {
  if (!queue.dead_letter || !queue.dead_letter->exists) return;
  const DeadLetter& dead = *queue.dead_letter;
  if (!dead.exchange.empty()) {
    out.exchanges.push_back({dead.exchange, "direct", queue.durable, "workload.queue.dead_letter.exchange"});
    out.bindings.push_back({dead.exchange, dead.queue, dead.queue});
  }
  out.queues.push_back({dead.queue,
                        Queue::Type::classic,
                        queue.durable,
                        {},
                        QueueDeclaration::Use::sink,
                        "workload.queue.dead_letter.queue"});
}

void add_errors(const Workload& workload, Topology& out) {
  if (workload.consume.on_failure != Consume::OnFailure::republish) return;
  const ErrorExchange& error = workload.consume.error;
  // Routed whatever its key is: the key says which queue the message left.
  out.exchanges.push_back({error.exchange, "fanout", workload.queue.durable, "workload.consume.error.exchange"});
  out.queues.push_back({error.queue,
                        Queue::Type::classic,
                        workload.queue.durable,
                        {},
                        QueueDeclaration::Use::sink,
                        "workload.consume.error.queue"});
  if (error.bound) out.bindings.push_back({error.exchange, error.queue, ""});
}

/// RabbitMQ has no delays of its own: a queue for each of them, whose messages expire into the work queue; or an
/// exchange of the plugin's, which routes them there when their time has come.
void add_delays(const Workload& workload, Topology& out) {
  if (workload.publish.delays.empty()) return;
  static constexpr std::string_view delays = "workload.publish.delays";
  const bool plugin = workload.publish.delays_by == Publish::DelaysBy::plugin;
  const std::string exchange = workload.queue.name + ".delay";
  out.exchanges.push_back({exchange, "direct", workload.queue.durable, delays, plugin});
  out.destinations.clear();
  for (const Duration delay : workload.publish.delays) {
    const std::string name = exchange + "." + to_text(delay);
    out.destinations.push_back({exchange, to_text(delay)});
    if (plugin) {
      out.destinations.back().delay = delay;
      BindingDeclaration binding{exchange, out.queues.front().name, to_text(delay)};
      if (std::ranges::find(out.bindings, binding) == out.bindings.end()) out.bindings.push_back(std::move(binding));
      continue;
    }
    const auto same_delay = [&](const QueueDeclaration& queue) { return queue.name == name && queue.key == delays; };
    if (std::ranges::any_of(out.queues, same_delay)) continue;
    QueueDeclaration queue{name, Queue::Type::classic,         workload.queue.durable,
                           {},   QueueDeclaration::Use::delay, delays};
    queue.arguments = {{"x-message-ttl", milliseconds(delay)},
                       {"x-dead-letter-exchange", workload.exchange.name},
                       {"x-dead-letter-routing-key", workload.queue.name}};
    out.queues.push_back(std::move(queue));
    out.bindings.push_back({exchange, name, to_text(delay), out.queues.front().name});
  }
}

}  // namespace

std::size_t Topology::count(QueueDeclaration::Use use) const {
  return static_cast<std::size_t>(std::ranges::count(queues, use, &QueueDeclaration::use));
}

Topology topology_of(const Workload& workload) {
  static constexpr std::array<std::string_view, 3> types{"direct", "fanout", "topic"};
  const Exchange& exchange = workload.exchange;
  Topology out;
  out.destinations = {{exchange.name, workload.queue.name}};
  if (!exchange.name.empty() && exchange.exists) {
    out.exchanges.push_back(
        {exchange.name, types.at(static_cast<std::size_t>(exchange.type)), exchange.durable, "workload.exchange.name"});
  }
  add_worked_queues(workload, out);
  add_dead_letters(workload.queue, out);
  add_errors(workload, out);
  add_delays(workload, out);
  return out;
}

std::size_t queue_of_consumer(const Workload& workload, std::int64_t number) {
  return static_cast<std::size_t>((number - 1) % std::max<std::int64_t>(1, workload.queue.copies));
}

}  // namespace troop::model
