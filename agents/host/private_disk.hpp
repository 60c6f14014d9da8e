// A file system in memory that only chosen children see: it is mounted in a mount namespace of its own, so this
// machine's mounts stay as they are, and the kernel frees it when this process and those children are gone.
#pragma once

#include <cstdint>
#include <filesystem>

#include "common/error.hpp"
#include "common/unique_fd.hpp"

namespace troop::agents {

class PrivateDisk {
 public:
  /// Mounts a tmpfs of `mib` MiB on `at`, a folder that exists; elsewhere that stays an empty folder. Blocking,
  /// milliseconds. Needs CAP_SYS_ADMIN. Errors: usage.
  static Result<PrivateDisk> mount(const std::filesystem::path& at, std::int64_t mib);
  PrivateDisk() = default;

  /// The mount namespace that children enter to see it (Spawn::mounts); -1: there is none.
  [[nodiscard]] int mounts() const { return mounts_.get(); }
  /// Its root folder, to reach it from here; -1: there is none.
  [[nodiscard]] int folder() const { return folder_.get(); }

 private:
  UniqueFd mounts_, folder_;
};

}  // namespace troop::agents
