// systemd's own program to steer it, as a child: never through a shell, and never for longer than it is given.
#pragma once

#include <string>
#include <vector>

#include "agents/host/process.hpp"
#include "common/clock.hpp"
#include "common/error.hpp"
#include "common/unique_fd.hpp"

namespace troop::agents {

/// TROOP_SYSTEMCTL, else where Debian has it.
std::string systemctl_program();

/// One under way. Dropped before its end, it is killed; what it has asked systemd for goes on there.
class Systemctl {
 public:
  /// Call from the main thread only. Errors: usage, where there is no such program.
  static Result<Systemctl> start(std::vector<std::string> arguments);
  [[nodiscard]] bool ended() { return !process_.alive(); }
  /// Once it has ended: all that it said, 64 KiB at most. Errors: lost, with its last words, where it failed.
  [[nodiscard]] Result<std::string> answer() const;

 private:
  Process process_;
  UniqueFd said_;
  std::string verb_;
};

/// The same to its end. Errors: timeout too.
asio::awaitable<Result<std::string>> ask_systemctl(std::vector<std::string> arguments, Duration timeout);
/// The same. Blocks.
Result<std::string> ask_systemctl_now(std::vector<std::string> arguments, Duration timeout);

}  // namespace troop::agents
