// A wall clock that can be set for one process and its children alone: libfaketime is loaded into it (LD_PRELOAD) and
// asks a file for the offset, about once a second. The monotonic clocks stay. See libfaketime's README.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "common/clock.hpp"
#include "common/error.hpp"
#include "common/unique_fd.hpp"

namespace troop::agents {

/// The library. Errors: usage, where this host has none, with what would help.
Result<std::filesystem::path> find_fake_clock();

/// What the process needs in its environment. `file`: as set_fake_clock() writes it.
std::vector<std::string> fake_clock_environment(const std::filesystem::path& library,
                                                const std::filesystem::path& file);

/// From then on, within about a second, the clock of all processes that ask `file` is so far from this machine's; to
/// the millisecond. Errors: usage.
Result<void> set_fake_clock(const std::filesystem::path& file, Duration offset);

/// The same for a program of our own, with the offset in memory that it inherits: whatever dies, no file is left.
class FakeClock {
 public:
  /// Errors: usage, where the library is missing, or this program is built with a sanitizer, which bears no other
  /// library before its own.
  static Result<FakeClock> make();
  /// As set_fake_clock().
  [[nodiscard]] Result<void> set(Duration offset) const;
  /// What the process needs in its environment, and inherits under the same number.
  [[nodiscard]] std::vector<std::string> environment() const;
  [[nodiscard]] int fd() const { return memory_.get(); }

 private:
  std::filesystem::path library_;
  UniqueFd memory_;
};

/// The folder where the library keeps shared memory of each process, which one that is killed leaves behind: it is to
/// be the process's own (PrivateMounts).
inline constexpr const char* fake_clock_folder = "/dev/shm";

}  // namespace troop::agents
