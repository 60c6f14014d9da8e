// memory.fill: a child that holds memory.
#include <fmt/format.h>

#include "agents/faults/burden_faults.hpp"
#include "agents/faults/table.hpp"

namespace troop::agents {
namespace {

Result<UndoRecord> plan(Parts& parts, const protocol::StepOrder& order) {
  BOOST_OUTCOME_TRY(amount_of(order, available_memory()));
  return burden_record(parts, order);
}

asio::awaitable<Result<Proof>> apply(Parts& parts, const protocol::StepOrder& order, Seen) {
  const std::uint64_t before = available_memory();
  BOOST_OUTCOME_CO_TRY(const auto amount, amount_of(order, before));
  const Measure enough = [before, amount](const HeldBurdens& held) -> std::optional<std::string> {
    const std::uint64_t resident = held.burdens.front().resident();
    if (held.bytes() < amount.wanted || resident < amount.wanted / 2) return std::nullopt;
    return fmt::format("{} MiB are resident; {} MiB were available before, {} MiB are now", resident / bytes_per_mib,
                       before / bytes_per_mib, available_memory() / bytes_per_mib);
  };
  const BurdenPlan one{.kind = BurdenPlan::Kind::memory, .bytes = amount.wanted, .floor = amount.floor};
  co_return co_await burden(parts, order, one, 1, {}, enough);
}

}  // namespace

const Fault memory_fill{
    .name = "memory.fill",
    .plan = plan,
    .apply = apply,
    .revert = unburden,
    .able = try_processes,
};

}  // namespace troop::agents
