// Control groups of a test's own, with a process of somebody else's in each, and sockets that were made in them.
#pragma once

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <functional>
#include <string>
#include <thread>

#include "agents/host/control_group.hpp"
#include "common/ids.hpp"
#include "common/unique_fd.hpp"

namespace troop::test {

/// Where the unified hierarchy is; empty where this machine has none that a test may use.
inline std::string unified_hierarchy() {
  const auto own = agents::own_control_group();
  if (own.has_error() || ::geteuid() != 0) return "";
  const auto& group = own.value();
  return group.folder.substr(0, group.folder.size() - group.path.size());
}

/// Removed at the end; whoever is in it has to be gone by then, or ends soon.
class TestGroup {
 public:
  /// Below `parent`: a path, or the root.
  explicit TestGroup(const std::string& parent = "")
      : path_(parent + "/troop-test-" + random_hex(4)), folder_(unified_hierarchy() + path_) {
    made_ = ::mkdir(folder_.c_str(), 0755) == 0;
  }
  TestGroup(const TestGroup&) = delete;
  TestGroup& operator=(const TestGroup&) = delete;
  ~TestGroup() { remove(); }

  [[nodiscard]] bool made() const { return made_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] bool take(pid_t pid) const {
    std::ofstream file{folder_ + "/cgroup.procs"};
    return static_cast<bool>(file << pid << std::flush);
  }
  /// What `make` returns in a process of this group: the group's socket, whoever has it.
  [[nodiscard]] UniqueFd socket_of(const std::function<UniqueFd()>& make) const {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return {};
    const UniqueFd here{ends[0]};
    UniqueFd there{ends[1]};
    const pid_t pid = ::fork();
    if (pid == 0) {
      const UniqueFd made = take(::getpid()) ? make() : UniqueFd{};
      ::_exit(made && pass(there.get(), made.get()) ? 0 : 1);
    }
    there.reset();
    UniqueFd got = taken(here.get());
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) continue;
    return got;
  }
  bool remove() {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{5};
    // Who has just ended still is in it for a moment.
    while (made_ && ::rmdir(folder_.c_str()) != 0 && errno == EBUSY && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
    struct stat status {};
    made_ = made_ && ::stat(folder_.c_str(), &status) == 0;
    return !made_;
  }
  [[nodiscard]] bool make_again() { return made_ = ::mkdir(folder_.c_str(), 0755) == 0; }

 private:
  struct Carrier {
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))]{};
    char byte = 0;
    iovec content{&byte, 1};
    msghdr message{};
    Carrier() {
      message.msg_iov = &content;
      message.msg_iovlen = 1;
      message.msg_control = control;
      message.msg_controllen = sizeof control;
    }
  };
  static bool pass(int over, int fd) {
    Carrier carrier;
    cmsghdr* header = CMSG_FIRSTHDR(&carrier.message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fd);
    std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
    return ::sendmsg(over, &carrier.message, 0) == 1;
  }
  /// Empty where the other end went without passing one.
  static UniqueFd taken(int over) {
    Carrier carrier;
    if (::recvmsg(over, &carrier.message, MSG_CMSG_CLOEXEC) != 1) return {};
    const cmsghdr* header = CMSG_FIRSTHDR(&carrier.message);
    int fd = -1;
    if (header != nullptr && header->cmsg_type == SCM_RIGHTS) std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
    return UniqueFd{fd};
  }

  std::string path_, folder_;
  bool made_ = false;
};

/// This process, and whatever it starts, is in a group of its own until the end.
class OwnTestGroup {
 public:
  OwnTestGroup() : before_(agents::own_control_group()), own_(before_.has_value() ? before_.value().path : "") {
    in_ = before_.has_value() && own_.made() && own_.take(::getpid());
  }
  OwnTestGroup(const OwnTestGroup&) = delete;
  OwnTestGroup& operator=(const OwnTestGroup&) = delete;
  ~OwnTestGroup() {
    if (in_) std::ofstream{before_.value().folder + "/cgroup.procs"} << ::getpid() << std::flush;
  }
  [[nodiscard]] bool in() const { return in_; }
  [[nodiscard]] const std::string& path() const { return own_.path(); }

 private:
  Result<agents::ControlGroup> before_;
  TestGroup own_;
  bool in_ = false;
};

}  // namespace troop::test
