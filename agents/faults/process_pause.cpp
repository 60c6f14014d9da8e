// process.pause: a worker, or processes of the host, are stopped (SIGSTOP) and go on later (SIGCONT).
#include <fmt/format.h>

#include <csignal>

#include "agents/faults/control_faults.hpp"
#include "agents/faults/process_faults.hpp"
#include "agents/faults/selected_processes.hpp"
#include "agents/faults/table.hpp"
#include "agents/paused.hpp"

namespace troop::agents {
namespace {

constexpr Duration stop_max = std::chrono::seconds{2};

/// Somebody else may let them go on, or end them: then they are not paused any more.
struct HeldStopped : Holding {
  explicit HeldStopped(std::vector<Stranger> stopped) : processes(std::move(stopped)) {}
  Result<void> renew() override {
    for (const auto& process : processes) {
      if (!process.alive() || process_state(process.pid()) != 'T')
        return Error{ErrorKind::lost, fmt::format("pid {} is no longer stopped", process.pid())};
    }
    return success();
  }
  std::vector<Stranger> processes;
};

Result<UndoRecord> plan(Parts& parts, const protocol::StepOrder& order) {
  return selects_processes(order) ? plan_on_processes(parts, order, paused_kind) : plan_on_part(parts, order);
}

/// Of a process that is stopped already nobody could say afterwards whether it is as before.
asio::awaitable<Result<void>> look(Parts& parts, const protocol::StepOrder& order, boost::json::object& state) {
  if (!selects_processes(order)) co_return success();
  boost::json::object chosen;
  BOOST_OUTCOME_CO_TRY(look_at_processes(parts, order, chosen));
  for (const auto& process : processes_from(chosen)) {
    const char now = process_state(process.pid);
    if (now == 'T' || now == 't')
      co_return usage_error(fmt::format("{}: pid {} is stopped already", order.fault, process.pid));
  }
  state["processes"] = std::move(chosen["processes"]);
  co_return success();
}

asio::awaitable<Result<Proof>> stop(Parts& parts, const protocol::StepOrder& order, Seen seen) {
  BOOST_OUTCOME_CO_TRY(auto pinned, pin(parts, order, seen));
  for (const auto& process : pinned) {
    BOOST_OUTCOME_CO_TRY(process.signal(SIGSTOP));
  }
  const std::int64_t deadline = monotonic_ns() + stop_max.count();
  for (const auto& process : pinned) {
    while (process_state(process.pid()) != 'T') {
      if (monotonic_ns() > deadline || !process.alive())
        co_return not_proven(order, fmt::format("pid {} did not stop", process.pid()));
      co_await pause_for(std::chrono::milliseconds{1});
    }
  }
  Proof proof{monotonic_ns(), fmt::format("{} in state T", told(pinned))};
  parts.holdings()[order.number] = std::make_unique<HeldStopped>(std::move(pinned));
  co_return proof;
}

asio::awaitable<Result<Proof>> apply(Parts& parts, const protocol::StepOrder& order, Seen seen) {
  return selects_processes(order) ? stop(parts, order, seen) : stop_running(parts, order, seen);
}

/// Of processes of the host what it holds has said so.
asio::awaitable<Result<void>> in_force(Parts& parts, const protocol::StepOrder& order, Seen seen) {
  if (selects_processes(order)) co_return success();
  co_return co_await still_stopped(parts, order, seen);
}

asio::awaitable<Result<Proof>> go_on(Parts& parts, const protocol::StepOrder& order, Seen seen) {
  parts.holdings().erase(order.number);
  auto resumed = resume(seen);
  if (resumed.has_error()) co_return not_restored(order, resumed.error());
  co_return Proof{monotonic_ns(), std::move(resumed).value()};
}

asio::awaitable<Result<Proof>> revert(Parts& parts, const protocol::StepOrder& order, Seen seen) {
  return selects_processes(order) ? go_on(parts, order, seen) : let_run(parts, order, seen);
}

}  // namespace

const Fault process_pause{
    .name = "process.pause",
    .plan = plan,
    .look = look,
    .apply = apply,
    .revert = revert,
    .in_force = in_force,
    .able = try_processes,
};

}  // namespace troop::agents
