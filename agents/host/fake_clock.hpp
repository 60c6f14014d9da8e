// A wall clock that can be set for one process and its children alone: libfaketime is loaded into it (LD_PRELOAD) and
// asks a file for the offset, about once a second. The monotonic clocks stay. See libfaketime's README.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "common/clock.hpp"
#include "common/error.hpp"

namespace troop::agents {

/// The library; empty where this host has none.
std::filesystem::path find_fake_clock();

/// What the process needs in its environment. `file`: as set_fake_clock() writes it.
std::vector<std::string> fake_clock_environment(const std::filesystem::path& library,
                                                const std::filesystem::path& file);

/// From then on, within about a second, the clock of all processes that ask `file` is so far from this machine's; to
/// the millisecond. Errors: usage.
Result<void> set_fake_clock(const std::filesystem::path& file, Duration offset);

}  // namespace troop::agents
