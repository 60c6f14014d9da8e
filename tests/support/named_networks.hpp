// Two network namespaces with names, as `ip netns add` makes them, and a cable between them: hosts that were there
// before.
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "agents/host/nftables.hpp"
#include "tests/support/made_hosts.hpp"
#include "tests/support/qdiscs.hpp"
#include "tests/support/veth_pair.hpp"

namespace troop::test {

/// The names are seen by the calling thread, and what it starts, alone: however this ends, the kernel removes them.
class NamedNetworks {
 public:
  static constexpr const char *near_name = "troop-test-near", *far_name = "troop-test-far";

  NamedNetworks() {
    std::error_code failure;
    made_ = std::filesystem::create_directories(folder, failure);
    const bool ours = unshare(CLONE_NEWNS) == 0 && mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                      mount("none", folder, "tmpfs", 0, nullptr) == 0;
    if (!ours) {
      why_not_ = "no folder of its own for the names of namespaces";
      return;
    }
    mounted_ = true;
    std::thread{[this] {
      const PrivateNetwork network;
      const VethPair cable;
      why_not_ = network.why_not().empty() ? cable.why_not() : network.why_not();
      if (!why_not_.empty()) return;
      name(near_name, "/proc/thread-self/ns/net");
      name(far_name, "/proc/self/fd/" + std::to_string(cable.far()));
    }}.join();
  }
  NamedNetworks(const NamedNetworks&) = delete;
  NamedNetworks& operator=(const NamedNetworks&) = delete;
  ~NamedNetworks() {
    for (const char* each : {near_name, far_name}) umount2(path_of(each).c_str(), MNT_DETACH);
    if (mounted_) umount2(folder, MNT_DETACH);
    if (made_) rmdir(folder);
  }
  /// Empty where they are there.
  [[nodiscard]] const std::string& why_not() const { return why_not_; }
  /// The rules, queues and links of one.
  [[nodiscard]] static std::string picture(const char* of) {
    const UniqueFd netns{open(path_of(of).c_str(), O_RDONLY | O_CLOEXEC)};
    std::string text;
    const bool entered = within(netns.get(), [&] {
      auto nft = agents::Nftables::open();
      const auto rules = nft.has_value() ? nft.value().list("list ruleset") : Result<std::string>{nft.error()};
      text = (rules.has_value() ? rules.value() : rules.error().context) + qdiscs();
      std::ifstream links{"/proc/thread-self/net/dev"};
      for (std::string line; std::getline(links, line);) text += line.substr(0, line.find(':')) + "\n";
    });
    return entered ? text : "it cannot be entered";
  }

 private:
  static constexpr const char* folder = "/run/netns";
  static std::string path_of(const char* of) { return std::string{folder} + "/" + of; }
  void name(const char* as, const std::string& netns) {
    const std::string path = path_of(as);
    std::ofstream{path}.flush();
    if (mount(netns.c_str(), path.c_str(), nullptr, MS_BIND, nullptr) != 0) why_not_ = "no name for a namespace";
  }

  bool made_ = false, mounted_ = false;
  std::string why_not_;
};

}  // namespace troop::test
