// A process that is nobody's part: a program of a test's own name, started so that it is no child of the test, as any
// other program of the host. Ended with the test; where the test cannot, by itself after two minutes.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "agents/host/process.hpp"
#include "common/ids.hpp"
#include "common/unique_fd.hpp"

namespace troop::test {

class Bystander {
 public:
  /// A copy of `sleep` in `folder`, called `name`. `argument` tells one from others with the same name.
  Bystander(const std::filesystem::path& folder, const std::string& name, const std::string& argument = "120")
      : Bystander(copied(folder, name), std::vector<std::string>{argument}) {}
  Bystander(const std::filesystem::path& program, const std::vector<std::string>& arguments) {
    std::vector<std::string> texts{program.string()};
    texts.insert(texts.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    for (auto& text : texts) argv.push_back(text.data());
    argv.push_back(nullptr);
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return;
    const UniqueFd hears{ends[0]};
    UniqueFd says{ends[1]};
    const pid_t between = ::fork();
    if (between == 0) {
      ::setsid();
      const pid_t orphan = ::fork();
      if (orphan != 0) _exit(write(ends[1], &orphan, sizeof orphan) == sizeof orphan ? 0 : 1);
      // The pipe closes when the program is there.
      execv(argv[0], argv.data());
      _exit(127);
    }
    says.reset();
    int status = 0;
    while (waitpid(between, &status, 0) < 0 && errno == EINTR) continue;
    char nothing = 0;
    if (read(hears.get(), &pid_, sizeof pid_) != sizeof pid_) return;
    pidfd_.reset(agents::pidfd_open(pid_));
    while (read(hears.get(), &nothing, 1) < 0 && errno == EINTR) continue;
  }
  Bystander(const Bystander&) = delete;
  Bystander& operator=(const Bystander&) = delete;
  ~Bystander() {
    if (!pidfd_) return;
    (void)agents::pidfd_send_signal(pidfd_.get(), SIGKILL);
    (void)gone_within(5000);
  }

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] bool alive() const { return pidfd_ && !gone_within(0); }
  [[nodiscard]] bool gone_within(int milliseconds) const {
    pollfd ended{pidfd_.get(), POLLIN, 0};
    return poll(&ended, 1, milliseconds) == 1;
  }
  [[nodiscard]] char state() const { return agents::process_state(pid_); }
  /// Neither stopped nor ended.
  [[nodiscard]] bool runs() const { return std::string_view{"RSD"}.find(state()) != std::string_view::npos; }
  [[nodiscard]] bool signal(int number) const { return agents::pidfd_send_signal(pidfd_.get(), number) == 0; }

 private:
  static std::filesystem::path copied(const std::filesystem::path& folder, const std::string& name) {
    std::error_code ignored;
    std::filesystem::copy_file("/bin/sleep", folder / name, std::filesystem::copy_options::skip_existing, ignored);
    return folder / name;
  }

  pid_t pid_ = -1;
  UniqueFd pidfd_;
};

/// A name that nothing else on this host has, short enough for /proc/PID/comm.
inline std::string fresh_program_name() { return "by-" + random_hex(5); }

}  // namespace troop::test
