#include "agents/veto.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "common/unique_fd.hpp"

namespace troop::agents {
namespace fs = std::filesystem;
namespace {

constexpr const char* of_the_host = "/run/troop/veto";

/// The first line, as far as it is plain and short. The file may be anything: it is its being there that counts.
std::string reason_in(const fs::path& path) {
  const UniqueFd fd{open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW)};
  struct stat status {};
  if (!fd || fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) return {};
  std::array<char, 200> bytes{};
  const ssize_t got = read(fd.get(), bytes.data(), bytes.size());
  std::string text{bytes.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))};
  text.resize(std::min(text.find('\n'), text.size()));
  std::ranges::replace_if(
      text, [](char c) { return c < ' ' || c > '~'; }, '?');
  return text;
}

}  // namespace

Result<void> not_vetoed(const fs::path& state_folder) {
  for (const fs::path& path : {fs::path{of_the_host}, state_folder / "veto"}) {
    struct stat status {};
    if (lstat(path.c_str(), &status) != 0) {
      if (errno == ENOENT || errno == ENOTDIR) continue;
      return system_error(ErrorKind::usage, "whether this host is vetoed cannot be seen: " + path.string(), errno);
    }
    const std::string reason = reason_in(path);
    return usage_error("vetoed by " + path.string() + (reason.empty() ? "" : ": " + reason));
  }
  return success();
}

}  // namespace troop::agents
