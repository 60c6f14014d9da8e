#include "agents/host/workspace.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>
#include <system_error>

#include "common/ids.hpp"

namespace troop::agents {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view prefix = "troop-agent-";
constexpr std::size_t random_bytes = 6;
constexpr std::string_view evaluated_by_shells = "\"'`$\\\n";

Result<void> write_all(int fd, std::string_view content, std::string_view what) {
  while (!content.empty()) {
    const ssize_t written = write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return system_error(ErrorKind::usage, what, errno);
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return success();
}

}  // namespace

Result<fs::path> Workspace::choose() {
  std::error_code failure;
  // Absolute and without detours, so that the start-up cleaner can tell from the path that it is ours.
  const fs::path base = fs::canonical(fs::temp_directory_path(failure), failure);
  if (failure) return usage_error("no temporary folder: " + failure.message() + " (set TMPDIR)");
  if (base.string().find_first_of(evaluated_by_shells) != std::string::npos) {
    return usage_error("the temporary folder " + base.string() +
                       " has a character in its name that RabbitMQ's start script would run; set TMPDIR to another");
  }
  return base / (std::string{prefix} + random_hex(random_bytes));
}

Result<Workspace> Workspace::create(const fs::path& chosen) {
  if (mkdir(chosen.c_str(), 0700) != 0) return system_error(ErrorKind::usage, chosen.string(), errno);
  Workspace workspace;
  workspace.path_ = chosen;
  return workspace;
}

Workspace& Workspace::operator=(Workspace&& other) noexcept {
  if (this != &other) {
    remove();
    path_ = std::exchange(other.path_, {});
  }
  return *this;
}

void Workspace::remove() {
  if (path_.empty()) return;
  std::error_code ignored;  // whatever is left is found by the start-up cleaner through the journal
  fs::remove_all(path_, ignored);
  path_.clear();
}

Result<void> remove_abandoned_workspace(const fs::path& path) {
  const std::string name = path.filename().string();
  const bool named_by_us = name.starts_with(prefix) && name.size() == prefix.size() + 2 * random_bytes &&
                           name.find_first_not_of("0123456789abcdef", prefix.size()) == std::string::npos;
  if (!path.is_absolute() || path.lexically_normal() != path || !named_by_us) {
    return Error{ErrorKind::unrestored, path.string() + " is not an agent's workspace; it stays"};
  }
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0) return success();  // gone already
  if (!S_ISDIR(status.st_mode) || status.st_uid != geteuid()) {
    return Error{ErrorKind::unrestored, path.string() + " is not ours; it stays"};
  }
  std::error_code failure;
  fs::remove_all(path, failure);
  if (failure) return Error{ErrorKind::unrestored, path.string() + ": " + failure.message()};
  return success();
}

Result<void> write_private(const fs::path& path, std::string_view content, unsigned mode) {
  std::error_code ignored;
  fs::remove(path, ignored);
  const UniqueFd fd{open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode)};
  if (!fd) return system_error(ErrorKind::usage, path.string(), errno);
  return write_all(fd.get(), content, path.string());
}

Result<UniqueFd> sealed_memory(std::string_view content) {
  UniqueFd fd{memfd_create("troop", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
  if (!fd) return system_error(ErrorKind::lost, "memfd_create", errno);
  BOOST_OUTCOME_TRY(write_all(fd.get(), content, "memfd"));
  if (lseek(fd.get(), 0, SEEK_SET) != 0) return system_error(ErrorKind::lost, "memfd", errno);
  fcntl(fd.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
  return fd;
}

}  // namespace troop::agents
