#include "agents/host/fake_clock.hpp"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "agents/host/workspace.hpp"

namespace troop::agents {
namespace fs = std::filesystem;

Result<fs::path> find_fake_clock() {
  constexpr std::string_view name = "faketime/libfaketimeMT.so.1";  // for programs with threads
  std::error_code failure;
  for (const char* folder : {"/usr/lib", "/usr/local/lib", "/usr/lib64"}) {
    if (fs::exists(fs::path{folder} / name, failure)) return fs::path{folder} / name;
    for (auto at = fs::directory_iterator{folder, failure}; !failure && at != fs::directory_iterator{};
         at.increment(failure)) {  // Debian's is below the name of the architecture
      std::error_code none;
      if (fs::exists(at->path() / name, none)) return at->path() / name;
    }
  }
  return usage_error("no libfaketime on this host; install it (apt-get install libfaketime)");
}

std::vector<std::string> fake_clock_environment(const fs::path& library, const fs::path& file) {
  return {"LD_PRELOAD=" + library.string(), "FAKETIME_TIMESTAMP_FILE=" + file.string(), "FAKETIME_CACHE_DURATION=1",
          "FAKETIME_DONT_FAKE_MONOTONIC=1", "DONT_FAKE_MONOTONIC=1"};  // the latter before version 0.9.8
}

Result<void> set_fake_clock(const fs::path& file, Duration offset) {
  fs::path next = file;
  next += ".next";
  BOOST_OUTCOME_TRY(write_private(next, fmt::format("{:+.3f}\n", static_cast<double>(offset.count()) / 1e9)));
  std::error_code failure;
  fs::rename(next, file, failure);  // whoever reads it finds the one or the other
  if (failure) return usage_error(file.string() + ": " + failure.message());
  return success();
}

Result<FakeClock> FakeClock::make() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return usage_error("this program is built with a sanitizer, which bears no libfaketime before it");
#endif
  FakeClock clock;
  BOOST_OUTCOME_TRY(clock.library_, find_fake_clock());
  clock.memory_.reset(memfd_create("troop-clock", MFD_CLOEXEC));
  if (!clock.memory_) return system_error(ErrorKind::usage, "memfd_create", errno);
  BOOST_OUTCOME_TRY(clock.set(Duration{0}));
  return clock;
}

Result<void> FakeClock::set(Duration offset) const {
  // Always as long, so that it replaces what was there in one step.
  const auto text = fmt::format("{:+017.3f}\n", static_cast<double>(offset.count()) / 1e9);
  const ssize_t written = pwrite(memory_.get(), text.data(), text.size(), 0);
  if (written != static_cast<ssize_t>(text.size())) return system_error(ErrorKind::usage, "memfd: pwrite", errno);
  return success();
}

std::vector<std::string> FakeClock::environment() const {
  return fake_clock_environment(library_, fmt::format("/proc/self/fd/{}", memory_.get()));
}

}  // namespace troop::agents
