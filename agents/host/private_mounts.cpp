#include "agents/host/private_mounts.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/mount.h>

#include <cerrno>
#include <thread>

namespace troop::agents {

Result<PrivateMounts> PrivateMounts::make(const std::vector<PrivateMount>& wanted) {
  PrivateMounts made;
  Result<void> done = success();
  const auto failed = [&] { done = system_error(ErrorKind::usage, "a file system in memory", errno); };
  // A thread can leave this process's mounts, and needs not come back. Slave: what is unmounted here is unmounted
  // there.
  std::thread{[&] {
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) return failed();
    for (const auto& each : wanted) {
      const std::string options = fmt::format("size={}m,mode=0700", each.mib);
      if (mount("troop", each.at.c_str(), "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, options.c_str()) != 0)
        return failed();
      if (!made.folder_) made.folder_.reset(open(each.at.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    }
    made.mounts_.reset(open("/proc/thread-self/ns/mnt", O_RDONLY | O_CLOEXEC));
    if (!made.mounts_ || !made.folder_) failed();
  }}.join();
  if (done.has_error()) return std::move(done).error();
  return made;
}

}  // namespace troop::agents
