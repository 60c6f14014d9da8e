#include "agents/host/private_disk.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/mount.h>

#include <cerrno>
#include <thread>

namespace troop::agents {

Result<PrivateDisk> PrivateDisk::mount(const std::filesystem::path& at, std::int64_t mib) {
  PrivateDisk disk;
  Result<void> done = success();
  const auto failed = [&] {
    done = system_error(ErrorKind::usage, "a file system in memory on " + at.string(), errno);
  };
  // A thread can leave this process's mounts, and needs not come back. Slave: what is unmounted here is unmounted
  // there.
  std::thread{[&] {
    const std::string options = fmt::format("size={}m,mode=0700", mib);
    if (unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0 ||
        ::mount("troop", at.c_str(), "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, options.c_str()) != 0)
      return failed();
    disk.folder_.reset(open(at.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!disk.folder_) return failed();
    disk.mounts_.reset(open("/proc/thread-self/ns/mnt", O_RDONLY | O_CLOEXEC));
    if (!disk.mounts_) failed();
  }}.join();
  if (done.has_error()) return std::move(done).error();
  return disk;
}

}  // namespace troop::agents
