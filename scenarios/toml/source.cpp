#include "scenarios/toml/source.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "common/unique_fd.hpp"
#include "scenarios/toml/units.hpp"

namespace troop::scenarios {
namespace {

std::int64_t line_of(std::string_view text, std::size_t at) { return 1 + std::ranges::count(text.substr(0, at), '\n'); }

/// Reads until the end or past the limit; false with errno set when the system says no.
bool read_all(int fd, std::string& text) {
  char block[16 * 1024];
  while (text.size() <= max_file_bytes) {
    const ssize_t got = ::read(fd, block, sizeof block);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return false;
    if (got == 0) break;
    text.append(block, static_cast<std::size_t>(got));
  }
  return true;
}

/// What makes the text unfit to be parsed at all: the first such place.
std::optional<Problem> unfit(const std::string& file, std::string_view text) {
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    return Problem{file, 0, 0, "the file is empty; `troop new NAME` writes a scenario to start from"};
  }
  if (const auto at = text.find('\0'); at != std::string_view::npos) {
    return Problem{file, line_of(text, at), 0, "not a scenario: this is a binary file"};
  }
  if (const auto at = invalid_utf8(text); at != std::string_view::npos) {
    return Problem{file, line_of(text, at), 0, "not a scenario: not UTF-8 text"};
  }
  std::int64_t line = 1;
  for (std::size_t from = 0; from < text.size(); ++line) {
    const std::size_t end = std::min(text.find('\n', from), text.size());
    if (end - from > max_line_bytes) {
      return Problem{
          file, line, 0,
          fmt::format("not a scenario: a line of {} bytes, at most {} are read", end - from, max_line_bytes)};
    }
    from = end + 1;
  }
  return std::nullopt;
}

}  // namespace

SourceReading read_source(const std::filesystem::path& path) {
  const std::string file = path.string();
  const auto refused = [&](std::string message) { return SourceReading{{}, Problem{file, 0, 0, std::move(message)}}; };
  const UniqueFd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
  if (!fd) return refused(fmt::format("cannot be read: {}", std::strerror(errno)));
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return refused(fmt::format("cannot be read: {}", std::strerror(errno)));
  if (S_ISDIR(status.st_mode)) return refused("this is a folder, not a scenario file");
  if (!S_ISREG(status.st_mode)) return refused("this is not a regular file");
  const auto too_big = [&] {
    return refused(fmt::format("not a scenario: more than {} KiB; scenarios are a few KiB", max_file_bytes / 1024));
  };
  if (static_cast<std::uintmax_t>(status.st_size) > max_file_bytes) return too_big();
  SourceReading reading;
  if (!read_all(fd.get(), reading.text)) return refused(fmt::format("cannot be read: {}", std::strerror(errno)));
  if (reading.text.size() > max_file_bytes) return too_big();
  reading.problem = unfit(file, reading.text);
  return reading;
}

}  // namespace troop::scenarios
