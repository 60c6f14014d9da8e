// File systems in memory that only chosen children see: they are mounted in a mount namespace of their own, so this
// machine's mounts stay as they are, and the kernel frees them when this process and those children are gone.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "common/error.hpp"
#include "common/unique_fd.hpp"

namespace troop::agents {

struct PrivateMount {
  std::filesystem::path at;  ///< A folder that exists; elsewhere it stays as it is.
  std::int64_t mib = 0;      ///< How much it can hold.
};

class PrivateMounts {
 public:
  /// Mounts a tmpfs on each. Blocking, milliseconds. Needs CAP_SYS_ADMIN, and to enter it CAP_SYS_CHROOT. Errors:
  /// usage.
  static Result<PrivateMounts> make(const std::vector<PrivateMount>& wanted);
  PrivateMounts() = default;

  /// The mount namespace that children enter to see them (Spawn::mounts); -1: there is none.
  [[nodiscard]] int mounts() const { return mounts_.get(); }
  /// The root folder of the first of them, to reach it from here; -1: there is none.
  [[nodiscard]] int folder() const { return folder_.get(); }

 private:
  UniqueFd mounts_, folder_;
};

}  // namespace troop::agents
