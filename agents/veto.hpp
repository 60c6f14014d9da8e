// A file on a host that stops everything there, without any network: /run/troop/veto, or `veto` in the folder of the
// undo journals. What it says is the reason. While it is there no run begins and no fault is applied; a run in force
// ends at once and is put back.
#pragma once

#include <filesystem>

#include "common/error.hpp"

namespace troop::agents {

/// Blocks on the disk, shortly. Errors: usage, "vetoed by /run/troop/veto: release night".
Result<void> not_vetoed(const std::filesystem::path& state_folder);

}  // namespace troop::agents
