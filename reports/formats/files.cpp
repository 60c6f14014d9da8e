// The run directory's documents on disk.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <optional>

#include "common/ids.hpp"
#include "common/unique_fd.hpp"
#include "reports/formats/formats.hpp"

namespace troop::formats {
namespace {

constexpr std::size_t largest_document = 256U << 20;  // far beyond any real run.json; a device or a mistake otherwise

Result<void> write_all(int fd, std::string_view text, std::string_view what) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return system_error(ErrorKind::lost, what, written < 0 ? errno : EIO);
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return success();
}

/// Removes the temporary file unless it was renamed away.
struct Temporary {
  std::string path;
  ~Temporary() {
    if (!path.empty()) ::unlink(path.c_str());
  }
};

}  // namespace

Result<void> write_file(const std::filesystem::path& path, std::string_view text) {
  const std::string what = "cannot write " + path.string();
  struct stat about {};
  if (::stat(path.c_str(), &about) == 0 && !S_ISREG(about.st_mode) && !S_ISDIR(about.st_mode)) {
    // A device or a pipe is written to, never replaced.
    UniqueFd fd{::open(path.c_str(), O_WRONLY | O_CLOEXEC)};
    if (!fd) return system_error(ErrorKind::lost, what, errno);
    return write_all(fd.get(), text, what);
  }
  Temporary temporary{fmt::format("{}.{}.tmp", path.string(), random_hex(6))};
  UniqueFd fd{::open(temporary.path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644)};
  if (!fd) {
    const int error = errno;
    temporary.path.clear();
    return system_error(ErrorKind::lost, what, error);
  }
  BOOST_OUTCOME_TRY(write_all(fd.get(), text, what));
  if (::fsync(fd.get()) != 0) return system_error(ErrorKind::lost, what, errno);
  if (::close(fd.release()) != 0) return system_error(ErrorKind::lost, what, errno);
  if (::rename(temporary.path.c_str(), path.c_str()) != 0) return system_error(ErrorKind::lost, what, errno);
  temporary.path.clear();
  return success();
}

Result<void> write(const RunDocument& document, const std::filesystem::path& directory) {
  // By its name: documents travel, and where the run was on this host says nothing elsewhere.
  const Options options{.colour = false, .width = 100, .directory = directory.filename().string()};
  std::optional<Error> first;
  for (const auto& format : formats()) {
    if (format.file.empty()) continue;
    auto written = write_file(directory / format.file, format.render(document, options));
    if (!written && !first) first = std::move(written).error();
  }
  if (first) return *std::move(first);
  return success();
}

Result<RunDocument> read(const std::filesystem::path& directory) {
  const std::string path = (directory / "run.json").string();
  UniqueFd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (!fd) {
    const int error = errno;
    if (::access(directory.c_str(), F_OK) != 0) {
      return system_error(ErrorKind::usage, fmt::format("{} is no run directory", directory.string()), errno);
    }
    return system_error(ErrorKind::usage,
                        fmt::format("{} is no run directory: cannot read {}", directory.string(), path), error);
  }
  struct stat about {};
  if (::fstat(fd.get(), &about) != 0) return system_error(ErrorKind::usage, path, errno);
  if (!S_ISREG(about.st_mode)) return usage_error(path + " is not a regular file");
  if (static_cast<std::uint64_t>(about.st_size) > largest_document) {
    return usage_error(fmt::format("{} is too large to be a run document ({} MiB)", path, about.st_size >> 20));
  }
  std::string text(static_cast<std::size_t>(about.st_size), '\0');
  std::size_t filled = 0;
  while (filled < text.size()) {
    const ssize_t got = ::read(fd.get(), text.data() + filled, text.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error(ErrorKind::usage, path, errno);
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  text.resize(filled);
  if (text.empty()) return usage_error(path + " is empty: the run was cut off before it was written");
  return from_json(text, path);
}

}  // namespace troop::formats
