// io.burn: a child that writes a file without a name over and over.
#include <fmt/format.h>

#include "agents/faults/burden_faults.hpp"
#include "agents/faults/control_faults.hpp"
#include "agents/faults/table.hpp"

namespace troop::agents {
namespace {

constexpr Duration measured_min = std::chrono::milliseconds{500};

struct Wanted {
  std::uint64_t bytes_per_second = 0, file_bytes = 0;
};

Result<Wanted> wanted_by(const protocol::StepOrder& order, std::uint64_t room) {
  const auto rate = integer_parameter(order, "mib_per_second", 10), file = integer_parameter(order, "file_mib", 16);
  if (rate < 1 || rate > 1000 || file < 1 || file > 1024)
    return usage_error(order.fault + ": 'mib_per_second' or 'file_mib' is out of range");
  const Wanted wanted{static_cast<std::uint64_t>(rate) * bytes_per_mib,
                      static_cast<std::uint64_t>(file) * bytes_per_mib};
  if (2 * wanted.file_bytes > room) {
    return usage_error(fmt::format("{}: {} MiB are free: too few for a file of {} MiB and as much again", order.fault,
                                   room / bytes_per_mib, file));
  }
  return wanted;
}

Result<UndoRecord> plan(Parts& parts, const protocol::StepOrder& order) {
  BOOST_OUTCOME_TRY(const auto folder, folder_to_burden(order));
  BOOST_OUTCOME_TRY(wanted_by(order, available_room(folder.get())));
  return burden_record(parts, order);
}

asio::awaitable<Result<Proof>> apply(Parts& parts, const protocol::StepOrder& order, Seen) {
  BOOST_OUTCOME_CO_TRY(auto folder, folder_to_burden(order));
  BOOST_OUTCOME_CO_TRY(const auto wanted, wanted_by(order, available_room(folder.get())));
  const std::int64_t began = monotonic_ns();
  const Measure enough = [began, wanted](const HeldBurdens& held) -> std::optional<std::string> {
    const Duration so_far{monotonic_ns() - began};
    const double due = static_cast<double>(wanted.bytes_per_second) * static_cast<double>(so_far.count()) / 1e9;
    if (so_far < measured_min || 2 * static_cast<double>(held.bytes()) < due) return std::nullopt;
    return fmt::format("{:.1f} MiB were written in {} ms", static_cast<double>(held.bytes()) / bytes_per_mib,
                       so_far / std::chrono::milliseconds{1});
  };
  const BurdenPlan one{
      .kind = BurdenPlan::Kind::io, .bytes = wanted.file_bytes, .bytes_per_second = wanted.bytes_per_second};
  co_return co_await burden(parts, order, one, 1, std::move(folder), enough);
}

}  // namespace

const Fault io_burn{
    .name = "io.burn",
    .plan = plan,
    .apply = apply,
    .revert = unburden,
    .able = try_processes,
};

}  // namespace troop::agents
