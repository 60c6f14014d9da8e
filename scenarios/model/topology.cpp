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
    out.exchanges.push_back({dead.exchange, "direct", queue.durable});
    out.bindings.push_back({dead.exchange, dead.queue, dead.queue});
  }
  out.queues.push_back({dead.queue, Queue::Type::classic, queue.durable, {}, true});
}

}  // namespace

std::size_t Topology::worked() const {
  return static_cast<std::size_t>(std::ranges::count(queues, false, &QueueDeclaration::sink));
}

Topology topology_of(const Workload& workload) {
  static constexpr std::array<std::string_view, 3> types{"direct", "fanout", "topic"};
  const Exchange& exchange = workload.exchange;
  Topology out;
  out.destination = {exchange.name, workload.queue.name};
  if (!exchange.name.empty() && exchange.exists) {
    out.exchanges.push_back({exchange.name, types.at(static_cast<std::size_t>(exchange.type)), exchange.durable});
  }
  add_worked_queues(workload, out);
  add_dead_letters(workload.queue, out);
  return out;
}

std::size_t queue_of_consumer(const Workload& workload, std::int64_t number) {
  return static_cast<std::size_t>((number - 1) % std::max<std::int64_t>(1, workload.queue.copies));
}

}  // namespace troop::model
