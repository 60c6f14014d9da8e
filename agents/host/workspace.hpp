// Private folders and private memory.
#pragma once

#include <filesystem>
#include <string_view>

#include "common/error.hpp"
#include "common/unique_fd.hpp"

namespace troop::agents {

/// A folder of our own below the system's temporary one, mode 0700; removed with all it holds when dropped.
class Workspace {
 public:
  /// A path for a new workspace: write it to the undo journal, then create() it.
  static Result<std::filesystem::path> choose();
  static Result<Workspace> create(const std::filesystem::path& chosen);
  Workspace() = default;
  Workspace(Workspace&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  Workspace& operator=(Workspace&& other) noexcept;
  ~Workspace() { remove(); }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  void remove();

 private:
  std::filesystem::path path_;
};

/// Removes a workspace that a dead agent left, if `path` has the shape of one and belongs to this user; else an error.
Result<void> remove_abandoned_workspace(const std::filesystem::path& path);

/// Writes a whole file with mode 0600 (or `mode`); replaces what was there.
Result<void> write_private(const std::filesystem::path& path, std::string_view content, unsigned mode = 0600);

/// Read-only memory that a child may inherit: for what must appear neither in arguments nor on disk.
Result<UniqueFd> sealed_memory(std::string_view content);

}  // namespace troop::agents
