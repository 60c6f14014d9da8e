// cpu.burn: children that compute nothing.
#include <fmt/format.h>

#include <thread>

#include "agents/faults/burden_faults.hpp"
#include "agents/faults/control_faults.hpp"
#include "agents/faults/table.hpp"

namespace troop::agents {
namespace {

constexpr Duration measured_min = std::chrono::milliseconds{500};

struct Wanted {
  int threads = 1, percent = 100;
};

Result<Wanted> wanted_by(const protocol::StepOrder& order) {
  const auto threads = integer_parameter(order, "threads", 1), percent = integer_parameter(order, "percent", 100);
  const std::int64_t cpus = std::max<std::int64_t>(std::thread::hardware_concurrency(), 1);
  if (threads < 1 || threads > cpus)
    return usage_error(fmt::format("{}: {} threads: this machine has {} CPUs", order.fault, threads, cpus));
  if (percent < 1 || percent > 100) return usage_error(order.fault + ": 'percent' is none");
  return Wanted{static_cast<int>(threads), static_cast<int>(percent)};
}

Result<UndoRecord> plan(Parts& parts, const protocol::StepOrder& order) {
  BOOST_OUTCOME_TRY(wanted_by(order));
  return burden_record(parts, order);
}

asio::awaitable<Result<Proof>> apply(Parts& parts, const protocol::StepOrder& order, Seen) {
  BOOST_OUTCOME_CO_TRY(const auto wanted, wanted_by(order));
  const std::int64_t began = monotonic_ns();
  const Measure enough = [began, wanted](const HeldBurdens& held) -> std::optional<std::string> {
    const Duration so_far{monotonic_ns() - began};
    Duration used{0};
    for (const auto& each : held.burdens) used += each.cpu_time();
    if (so_far < measured_min || 2 * used < so_far * wanted.threads * wanted.percent / 100) return std::nullopt;
    return fmt::format("{} ms of CPU time were used in {} ms", used / std::chrono::milliseconds{1},
                       so_far / std::chrono::milliseconds{1});
  };
  const BurdenPlan one{.kind = BurdenPlan::Kind::cpu, .percent = wanted.percent};
  co_return co_await burden(parts, order, one, wanted.threads, {}, enough);
}

}  // namespace

const Fault cpu_burn{
    .name = "cpu.burn",
    .plan = plan,
    .apply = apply,
    .revert = unburden,
    .able = try_processes,
};

}  // namespace troop::agents
