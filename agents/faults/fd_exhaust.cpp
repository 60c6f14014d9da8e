// fd.exhaust: processes of the host may open no more than they have open.
#include <fmt/format.h>

#include <filesystem>
#include <set>

#include "agents/faults/control_faults.hpp"
#include "agents/faults/selected_processes.hpp"
#include "agents/faults/table.hpp"
#include "agents/limits.hpp"
#include "agents/paused.hpp"

namespace troop::agents {
namespace {

/// A program may raise its own limit again: then it can open what it likes.
struct HeldLimits : Holding {
  struct Limit {
    Stranger process;
    std::uint64_t soft;
  };
  Result<void> renew() override {
    for (const auto& each : limits) {
      const auto now = descriptor_limit(each.process.pid());
      if (!each.process.alive() || now.has_error() || now.value().soft != each.soft)
        return Error{ErrorKind::lost, fmt::format("the limit of pid {} was changed", each.process.pid())};
    }
    return success();
  }
  std::vector<Limit> limits;
};

/// The lowest number that a process has no descriptor of, after `leave` such;
/// the kernel gives the lowest first.
std::uint64_t first_free(pid_t pid, std::uint64_t leave) {
  std::set<std::uint64_t> open;
  std::error_code gone;
  const std::filesystem::directory_iterator end;
  for (std::filesystem::directory_iterator entry{fmt::format("/proc/{}/fd", pid), gone}; !gone && entry != end;
       entry.increment(gone)) {
    open.insert(std::stoull(entry->path().filename().string()));
  }
  std::uint64_t number = 0;
  for (std::uint64_t seen = 0;; ++number) {
    if (!open.contains(number) && seen++ == leave) return number;
  }
}

Result<UndoRecord> plan(Parts& parts, const protocol::StepOrder& order) {
  if (!selects_processes(order)) return usage_error(fmt::format("{}: '{}' is no host", order.fault, order.victim));
  return plan_on_processes(parts, order, limits_kind);
}

asio::awaitable<Result<void>> look(Parts& parts, const protocol::StepOrder& order, boost::json::object& state) {
  boost::json::object chosen;
  BOOST_OUTCOME_CO_TRY(look_at_processes(parts, order, chosen));
  boost::json::array limits;
  for (const auto& process : processes_from(chosen)) {
    BOOST_OUTCOME_CO_TRY(const auto limit, descriptor_limit(process.pid));
    limits.push_back(
        {{"soft", static_cast<std::int64_t>(limit.soft)}, {"hard", static_cast<std::int64_t>(limit.hard)}});
  }
  state["processes"] = std::move(chosen["processes"]);
  state["limits"] = std::move(limits);
  co_return success();
}

asio::awaitable<Result<Proof>> apply(Parts& parts, const protocol::StepOrder& order, Seen seen) {
  BOOST_OUTCOME_CO_TRY(auto pinned, pin(parts, order, seen));
  auto held = std::make_unique<HeldLimits>();
  const std::string who = told(pinned);
  const auto leave = static_cast<std::uint64_t>(std::max<std::int64_t>(integer_parameter(order, "leave", 0), 0));
  for (auto& process : pinned) {
    BOOST_OUTCOME_CO_TRY(const auto before, descriptor_limit(process.pid()));
    const std::uint64_t lowered = first_free(process.pid(), leave);
    if (lowered >= before.soft)
      co_return not_proven(order,
                           fmt::format("pid {} may have only {} descriptors anyway", process.pid(), before.soft));
    BOOST_OUTCOME_CO_TRY(limit_descriptors(process.pid(), {lowered, before.hard}));
    BOOST_OUTCOME_CO_TRY(const auto now, descriptor_limit(process.pid()));
    // It goes on meanwhile, and may have closed something: what it then has
    // more is no more than that.
    if (now.soft != lowered || !process.alive())
      co_return not_proven(order, fmt::format("the limit of pid {} is {}", process.pid(), now.soft));
    held->limits.push_back({std::move(process), lowered});
  }
  parts.holdings()[order.number] = std::move(held);
  co_return Proof{monotonic_ns(), fmt::format("{} may open {} descriptors more", who, leave)};
}

asio::awaitable<Result<Proof>> revert(Parts& parts, const protocol::StepOrder& order, Seen seen) {
  parts.holdings().erase(order.number);
  auto restored = restore_limits(seen);
  if (restored.has_error()) co_return not_restored(order, restored.error());
  co_return Proof{monotonic_ns(), std::move(restored).value()};
}

}  // namespace

const Fault fd_exhaust{
    .name = "fd.exhaust",
    .plan = plan,
    .look = look,
    .apply = apply,
    .revert = revert,
    .able = try_processes,
};

}  // namespace troop::agents
