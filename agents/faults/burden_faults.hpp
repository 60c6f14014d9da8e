// What the faults that use up a part of the machine have in common: children that hold it, ended by the kernel with
// their agent, and by themselves where nobody renews them. So undo needs no record.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "agents/fault.hpp"
#include "agents/host/burden.hpp"

namespace troop::agents {

inline constexpr std::uint64_t bytes_per_mib = 1 << 20;

/// Held until it is undone.
struct HeldBurdens : Holding {
  Result<void> renew() override;
  [[nodiscard]] std::uint64_t bytes() const;
  std::vector<Burden> burdens;
  UniqueFd folder;  ///< Of those that write.
};

/// The record of a step on a host. Errors: usage, where the victim is a part of the run.
Result<UndoRecord> burden_record(Parts& parts, const protocol::StepOrder& order);

/// A folder to write in, on a file system that can have files without a name and is not the undo journal's. Errors:
/// usage.
Result<UniqueFd> folder_to_burden(const protocol::StepOrder& order);
/// The parameters `mib` or `percent`, and `keep_free_mib`, as bytes of what is there. Errors: usage, with the numbers.
struct Amount {
  std::uint64_t wanted = 0, floor = 0;
};
Result<Amount> amount_of(const protocol::StepOrder& order, std::uint64_t available);

/// What was measured, once it is enough; nothing before.
using Measure = std::function<std::optional<std::string>(const HeldBurdens& held)>;
/// Starts them and waits until `enough` tells what was measured. Errors: lost; they then stay until they are undone.
asio::awaitable<Result<Proof>> burden(Parts& parts, const protocol::StepOrder& order, BurdenPlan plan, int how_many,
                                      UniqueFd folder, Measure enough);
/// Proven when all are gone.
asio::awaitable<Result<Proof>> unburden(Parts& parts, const protocol::StepOrder& order, Seen seen);

}  // namespace troop::agents
