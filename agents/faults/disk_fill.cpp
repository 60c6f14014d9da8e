// disk.fill: a child that holds a file without a name.
#include <fcntl.h>
#include <fmt/format.h>

#include "agents/faults/burden_faults.hpp"
#include "agents/faults/control_faults.hpp"
#include "agents/faults/held.hpp"
#include "agents/faults/table.hpp"

namespace troop::agents {
namespace {

constexpr Duration back_max = std::chrono::seconds{5};

/// The disk that is a part's alone.
Result<UniqueFd> disk_of(const Part& part, const protocol::StepOrder& order) {
  UniqueFd folder{fcntl(part.disk(), F_DUPFD_CLOEXEC, 0)};
  if (!folder) return usage_error(fmt::format("{}: {} has no disk of its own", order.fault, part.name()));
  return folder;
}

Result<UndoRecord> plan(Parts& parts, const protocol::StepOrder& order) {
  if (const Part* part = parts.find(order.victim)) {
    if (part->disk_mib() == 0) {
      return usage_error(
          fmt::format("{}: {} has no disk of its own, see system.broker.disk_mib; the file system of "
                      "its folder is everybody's",
                      order.fault, part->name()));
    }
    BOOST_OUTCOME_TRY(amount_of(order, static_cast<std::uint64_t>(part->disk_mib()) * bytes_per_mib));
    return UndoRecord{"fault", {{"fault", order.fault}, {"victim", order.victim}}};
  }
  BOOST_OUTCOME_TRY(const auto folder, folder_to_burden(order));
  BOOST_OUTCOME_TRY(amount_of(order, available_room(folder.get())));
  return burden_record(parts, order);
}

asio::awaitable<Result<Proof>> apply(Parts& parts, const protocol::StepOrder& order, Seen) {
  const Part* part = parts.find(order.victim);
  BOOST_OUTCOME_CO_TRY(auto folder, part == nullptr ? folder_to_burden(order) : disk_of(*part, order));
  const std::uint64_t before = available_room(folder.get());
  BOOST_OUTCOME_CO_TRY(const auto amount, amount_of(order, before));
  const Measure enough = [before, amount](const HeldBurdens& held) -> std::optional<std::string> {
    // What is free says less: others take and free room meanwhile.
    const std::uint64_t taken = held.burdens.front().allocated();
    if (taken < amount.wanted) return std::nullopt;
    return fmt::format("{} MiB are taken; {} MiB were free before, {} MiB are now", taken / bytes_per_mib,
                       before / bytes_per_mib, available_room(held.folder.get()) / bytes_per_mib);
  };
  const BurdenPlan one{.kind = BurdenPlan::Kind::disk, .bytes = amount.wanted, .floor = amount.floor};
  co_return co_await burden(parts, order, one, 1, std::move(folder), enough);
}

/// A file without a name is gone with the only process that had it open; a file system may free it a little later.
asio::awaitable<Result<Proof>> revert(Parts& parts, const protocol::StepOrder& order, Seen seen) {
  auto* held = held_by<HeldBurdens>(parts, order);
  if (held == nullptr) co_return co_await unburden(parts, order, seen);
  const UniqueFd folder{std::move(held->folder)};
  // What had ended by itself has given everything back already.
  const std::uint64_t taken = held->renew().has_value() ? held->bytes() : 0, before = available_room(folder.get());
  BOOST_OUTCOME_CO_TRY(auto proof, co_await unburden(parts, order, seen));
  const std::int64_t deadline = monotonic_ns() + back_max.count();
  const auto came_back = [&] { return available_room(folder.get()) >= before + taken / 2; };
  while (!came_back() && monotonic_ns() < deadline) co_await pause_for(std::chrono::milliseconds{10});
  if (!came_back()) proof.text += ", of which less than half shows as free again";
  proof.time = monotonic_ns();
  proof.text += fmt::format("; {} MiB are free", available_room(folder.get()) / bytes_per_mib);
  co_return proof;
}

}  // namespace

const Fault disk_fill{
    .name = "disk.fill",
    .plan = plan,
    .apply = apply,
    .revert = revert,
    .able = try_processes,
};

}  // namespace troop::agents
