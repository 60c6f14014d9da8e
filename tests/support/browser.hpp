// Debian's chromium, headless, on one file: what a person would see of it. Without network, with a profile of its own,
// ended when it hangs.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cctype>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "common/clock.hpp"
#include "tests/support/temporary_folder.hpp"

namespace troop::testing_support {

struct Seen {
  std::string problem;       ///< Why there is nothing to see; empty: there is.
  std::string dom;           ///< The page after its scripts ran, as HTML.
  boost::json::value probe;  ///< What the page's `<script type="application/json" id="probe">` holds; else null.
  Duration took{0};
};

class Browser {
 public:
  static constexpr const char* program = "/usr/bin/chromium";

  /// Shows `page` in a window of that size and writes what it looks like to `picture`, a .png. Blocks, at most
  /// `timeout`.
  Seen show(std::string_view page, int width, int height, const std::filesystem::path& picture, Duration timeout) {
    const auto file = folder_ / "page.html";
    std::ofstream{file, std::ios::binary} << page;
    const std::int64_t began = monotonic_ns();
    Seen seen;
    seen.problem = run({program, "--headless",
                        "--no-sandbox",  // tests may run as root, where its sandbox refuses to start
                        "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions",
                        "--disable-component-update", "--disable-background-networking", "--hide-scrollbars",
                        "--host-resolver-rules=MAP * ~NOTFOUND", "--user-data-dir=" + (folder_ / "profile").string(),
                        "--window-size=" + std::to_string(width) + "," + std::to_string(height), "--dump-dom",
                        "--screenshot=" + picture.string(), "file://" + file.string()},
                       began + timeout.count());
    seen.took = Duration{monotonic_ns() - began};
    seen.dom = slurp(folder_ / "dom");
    if (!seen.problem.empty()) seen.problem += "; it said: " + slurp(folder_ / "complaints");
    seen.probe = probe_in(seen.dom);
    return seen;
  }

 private:
  static std::string slurp(const std::filesystem::path& path) {
    std::ifstream file{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{file}, {}};
  }

  static boost::json::value probe_in(std::string_view dom) {
    constexpr std::string_view open = "id=\"probe\">";
    const auto begin = dom.rfind(open);
    if (begin == std::string_view::npos) return {};
    const auto end = dom.find("</script>", begin);
    boost::json::error_code failure;
    const auto text = dom.substr(begin + open.size(), end - begin - open.size());
    return boost::json::parse({text.data(), text.size()}, failure);
  }

  /// Why it did not end well; empty: it did. A group of its own, so that its helpers end with it.
  std::string run(std::vector<std::string> arguments, std::int64_t deadline) {
    if (access(program, X_OK) != 0) return std::string{program} + " is missing; ./dev install chromium";
    std::vector<std::string> environment{"PATH=/usr/bin:/bin", "LANG=C.UTF-8", "HOME=" + folder_.path().string(),
                                         "TMPDIR=" + folder_.path().string()};
    const auto pointers = [](std::vector<std::string>& texts) {
      std::vector<char*> all;
      for (auto& text : texts) all.push_back(text.data());
      all.push_back(nullptr);
      return all;
    };
    const auto argv = pointers(arguments);
    const auto envp = pointers(environment);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    const auto to_file = [&](int fd, const char* name) {
      posix_spawn_file_actions_addopen(&actions, fd, (folder_ / name).c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    };
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    to_file(STDOUT_FILENO, "dom");
    to_file(STDERR_FILENO, "complaints");
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    pid_t pid = -1;
    const int failure = posix_spawn(&pid, program, &actions, &attributes, argv.data(), envp.data());
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    if (failure != 0) return "chromium does not start";

    int status = 0;
    bool ended = false;
    while (!ended && monotonic_ns() < deadline) {
      ended = waitpid(pid, &status, WNOHANG) == pid;
      if (!ended) std::this_thread::sleep_for(std::chrono::milliseconds{20});
    }
    kill(-pid, SIGKILL);
    if (!ended) waitpid(pid, &status, 0);
    end_helpers();
    if (!ended) return "chromium hung and was killed";
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? "" : "chromium failed";
  }

  /// Its crash handler leaves the group; it is found by our folder in its command line.
  void end_helpers() const {
    for (const auto& entry : std::filesystem::directory_iterator{"/proc"}) {
      const std::string name = entry.path().filename().string();
      if (!std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isdigit(c) != 0; })) continue;
      if (slurp(entry.path() / "cmdline").find(folder_.path().string()) == std::string::npos) continue;
      if (std::stoi(name) != getpid()) kill(std::stoi(name), SIGKILL);
    }
  }

  TemporaryFolder folder_;
};

}  // namespace troop::testing_support
