#include "agents/daemon/drain.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "agents/rabbitmq/client.hpp"

namespace troop::agents {
namespace {

constexpr Duration between_looks = std::chrono::milliseconds{200};
constexpr Duration look_max = std::chrono::seconds{3};
/// So many deliveries of which none is settled for so long: the same messages are requeued again and again.
constexpr std::uint64_t storm_deliveries = 1000;
constexpr Duration storm_max = std::chrono::seconds{5};
/// Nodes of a cluster that lost each other stop and start again by themselves, and do not answer meanwhile.
constexpr Duration rejoining_max = std::chrono::seconds{90};
/// What a message may be late that the delayed-message plugin holds.
constexpr Duration lateness_max = std::chrono::seconds{30};

struct Consumption {
  std::uint64_t delivered = 0;
  std::uint64_t settled = 0;
  std::uint64_t unacked = 0;
};

Consumption consumption(const RunParts& parts) {
  Consumption sum;
  for (const auto& worker : parts.workers()) {
    if (worker->is_producer()) continue;
    sum.delivered += worker->ring().counters().delivered.get();
    sum.settled += worker->ring().counters().settled.get();
    sum.unacked += worker->ring().counters().unacked.get();
  }
  return sum;
}

/// All queues of the run together, as every node sees them: nodes that have lost each other have queues of their own
/// under one name. The sum counts a queue more than once, and is 0 only where each node says so.
asio::awaitable<Result<QueueDepth>> look(RunParts& parts) {
  QueueDepth sum;
  for (const auto& node : parts.node_addresses()) {
    for (const auto& queue : parts.topology().queues) {
      BOOST_OUTCOME_CO_TRY(const auto depth, queue_depth(node, queue.name, look_max));
      sum.ready += depth.ready;
      sum.consumers += depth.consumers;
      co_await pause_for(Duration{0});  // each look blocks: nobody shall think that we hang
    }
  }
  co_return sum;
}

void command_finish(WorkerPart& worker) {
  worker.meant_to_run = false;
  worker.ring().command(WorkerCommand::finish);
}

/// Waits for the chosen workers to end by themselves.
asio::awaitable<void> await_end(RunParts& parts, bool producers, Duration timeout) {
  const std::int64_t deadline = monotonic_ns() + timeout.count();
  for (const auto& worker : parts.workers()) {
    if (worker->is_producer() != producers) continue;
    co_await worker->process().ended_within(Duration{std::max<std::int64_t>(0, deadline - monotonic_ns())});
  }
}

/// How long nothing may have been settled, where `delivered` deliveries were in vain and each node `answered`.
Duration patience(Duration idle_max, bool is_cluster, bool answered, std::uint64_t delivered) {
  if (delivered > storm_deliveries) return std::min(idle_max, storm_max);
  return is_cluster && !answered ? std::max(idle_max, rejoining_max) : idle_max;
}

/// Empty twice, nothing unacknowledged, nothing delivered in between. False once nothing has been settled for
/// `idle_max`: a message that is requeued for ever is delivered for ever. Where that is plain, sooner; where a node of
/// a cluster does not answer, later.
asio::awaitable<bool> await_quiet(RunParts& parts, Duration idle_max) {
  const bool is_cluster = parts.node_addresses().size() > 1;
  bool answered = true;
  Consumption before = consumption(parts);
  std::int64_t last_move = monotonic_ns();
  std::uint64_t delivered_at_move = before.delivered;
  int quiet_looks = 0;
  while (quiet_looks < 2) {
    const Duration longest = patience(idle_max, is_cluster, answered, before.delivered - delivered_at_move);
    if (parts.stopping() || monotonic_ns() - last_move > longest.count()) co_return false;
    const auto depth = co_await look(parts);
    if (!answered && depth.has_value()) last_move = monotonic_ns();  // a node is back
    answered = depth.has_value();
    const Consumption now = consumption(parts);
    if (now.settled != before.settled) {
      last_move = monotonic_ns();
      delivered_at_move = now.delivered;
    }
    if (now.delivered != before.delivered) quiet_looks = 0;
    before = now;
    const bool quiet = depth.has_value() && depth.value().ready == 0 && now.unacked == 0;
    quiet_looks = quiet ? quiet_looks + 1 : 0;
    if (quiet_looks < 2) co_await pause_for(between_looks);
  }
  co_return true;
}

/// What the exchanges of the delayed-message plugin hold; no queue shows it. Errors: it is not known.
asio::awaitable<Result<std::int64_t>> count_delayed(RunParts& parts) {
  std::int64_t sum = 0;
  for (const auto& exchange : parts.topology().exchanges) {
    if (!exchange.delays) continue;
    BOOST_OUTCOME_CO_TRY(const auto seen, co_await parts.broker_control()->exchange(exchange.name));
    if (!seen) continue;
    const auto* count = seen->if_contains("messages_delayed");
    if (count == nullptr || !count->is_int64()) co_return Error{ErrorKind::lost, "the plugin does not say"};
    sum += count->get_int64();
  }
  co_return sum;
}

asio::awaitable<Ending> await_delayed(RunParts& parts, Duration longest) {
  const std::int64_t deadline = monotonic_ns() + (longest + lateness_max).count();
  Ending ending{false, {}};
  while (!parts.stopping()) {
    const auto held = co_await count_delayed(parts);
    if (held.has_value() && held.value() == 0) co_return Ending{true, {}};
    ending.detail = held.has_value() ? fmt::format("the delayed-message plugin still holds {} messages", held.value())
                                     : "what the delayed-message plugin holds is not known: " + held.error().context;
    if (monotonic_ns() > deadline) break;
    co_await pause_for(between_looks);
  }
  co_return ending;
}

/// The queues are empty and have no consumer, twice.
asio::awaitable<bool> empty_for_good(RunParts& parts) {
  for (int look_number = 0; look_number < 2; ++look_number) {
    if (look_number > 0) co_await pause_for(between_looks);
    const auto depth = co_await look(parts);
    if (depth.has_error() || depth.value().ready != 0 || depth.value().consumers != 0) co_return false;
  }
  co_return true;
}

}  // namespace

asio::awaitable<Ending> finish_producers(RunParts& parts, Duration timeout) {
  for (const auto& worker : parts.workers()) {
    if (worker->is_producer()) command_finish(*worker);
  }
  co_await await_end(parts, true, timeout);
  for (const auto& worker : parts.workers()) {
    if (worker->is_producer() && !worker->closed_cleanly()) {
      const std::string how = worker->process().alive() ? "still runs" : "ended: " + worker->process().ending();
      co_return Ending{false, fmt::format("{} did not close its connection; it {}", worker->name(), how)};
    }
  }
  co_return Ending{true, {}};
}

namespace {

/// Consumers and readers close, as far as they can.
asio::awaitable<bool> close_consumers(RunParts& parts, Duration timeout) {
  for (const auto& worker : parts.workers()) {
    if (!worker->is_producer() && !worker->last_resort) command_finish(*worker);
  }
  co_await await_end(parts, false, timeout);
  bool closed = true;
  for (const auto& worker : parts.workers()) {
    closed = closed && (worker->is_producer() || worker->last_resort || worker->closed_cleanly());
  }
  co_return closed;
}

/// What no consumer takes, or none can be done with, is read by somebody who only looks where it was. False: not to the
/// end.
asio::awaitable<bool> read_out(RunParts& parts, Duration idle_max) {
  for (const auto& worker : parts.workers()) {
    if (!worker->last_resort) continue;
    if (worker->start().has_error()) co_return false;
    const auto ready = co_await worker->ready();
    if (ready.has_error()) co_return false;
  }
  const bool quiet = co_await await_quiet(parts, idle_max);
  bool closed = true;
  for (const auto& worker : parts.workers()) {
    if (!worker->last_resort) continue;
    command_finish(*worker);
    co_await worker->process().ended_within(idle_max);
    closed = closed && worker->closed_cleanly();
  }
  co_return quiet&& closed;
}

asio::awaitable<Result<void>> restart_consumers(RunParts& parts) {
  for (const auto& worker : parts.workers()) {
    if (worker->is_producer() || worker->last_resort) continue;
    (void)co_await worker->end();
    BOOST_OUTCOME_CO_TRY(worker->start());
    (void)co_await worker->ready();
  }
  co_return success();
}

}  // namespace

asio::awaitable<Ending> drain(RunParts& parts, Duration idle_max) {
  const auto& publish = parts.workload().publish;
  if (!publish.delays.empty()) {
    // While a delayed message waits, nothing moves.
    const Duration longest = *std::ranges::max_element(publish.delays);
    idle_max += longest;
    const Ending came = co_await await_delayed(parts, longest);
    if (!came.proven) co_return came;
  }
  constexpr int rounds_max = 5;
  for (int round = 0; round < rounds_max; ++round) {
    bool taken = false;
    if (parts.workload().consumers > 0) taken = co_await await_quiet(parts, idle_max);
    if (parts.stopping()) break;
    const bool closed = co_await close_consumers(parts, idle_max);
    if (!taken) {
      bool read = false;
      const auto reachable = co_await look(parts);
      if (round == 0 && closed && reachable.has_value()) read = co_await read_out(parts, idle_max);
      if (!read) {
        const std::string seen = reachable.has_value() ? fmt::format("{} messages are ready", reachable.value().ready)
                                                       : reachable.error().context;
        co_return Ending{
            false, fmt::format("the queues were not emptied, and nothing moves any more: {}, {} unacknowledged", seen,
                               consumption(parts).unacked)};
      }
    }
    const bool empty = co_await empty_for_good(parts);
    if (closed && empty) co_return Ending{true, {}};
    if (parts.stopping()) break;
    auto restarted = co_await restart_consumers(parts);
    if (restarted.has_error()) co_return Ending{false, restarted.error().context};
  }
  co_return Ending{false, "the queues did not stay empty after their consumers had closed"};
}

}  // namespace troop::agents
