// Names that mean what a test says, without any name server: another /etc/hosts.
#pragma once

#include <sched.h>
#include <sys/mount.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/support/temporary_folder.hpp"

namespace troop::test {

/// The calling thread, and what it starts, sees another /etc/hosts from now on, and asks nobody else; nobody else does.
class OwnHosts {
 public:
  explicit OwnHosts(const std::string& text) : hosts_(folder_ / "hosts") {
    write(text);
    const auto ways = folder_ / "nsswitch.conf";
    std::ofstream{ways} << "hosts: files\n";
    ours_ = unshare(CLONE_NEWNS) == 0 && mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
            mount(hosts_.c_str(), "/etc/hosts", nullptr, MS_BIND, nullptr) == 0 &&
            mount(ways.c_str(), "/etc/nsswitch.conf", nullptr, MS_BIND, nullptr) == 0;
  }
  [[nodiscard]] bool ours() const { return ours_; }
  /// libc reads it each time.
  void write(const std::string& text) const { std::ofstream{hosts_, std::ios::trunc} << text; }

 private:
  testing_support::TemporaryFolder folder_;
  std::filesystem::path hosts_;
  bool ours_ = false;
};

}  // namespace troop::test
