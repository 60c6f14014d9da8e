// Runs the real `troop` as a user does, in a world of its own: private temporary, state and run folders, so that a test
// can tell what was left behind.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "common/clock.hpp"
#include "common/ids.hpp"

namespace troop::test {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

/// What there is to read; of a process that ends meanwhile, nothing.
inline std::string slurp(const fs::path& path) {
  const std::ifstream file{path, std::ios::binary};
  std::ostringstream text;
  text << file.rdbuf();  // a stream keeps to itself what the kernel refuses; an iterator throws it
  return std::move(text).str();
}

/// Waits for a condition, looking every 10 ms; false if it did not come true in time.
inline bool eventually(const std::function<bool()>& condition, Duration timeout) {
  const std::int64_t deadline = monotonic_ns() + timeout.count();
  while (!condition()) {
    if (monotonic_ns() > deadline) return false;
    std::this_thread::sleep_for(10ms);
  }
  return true;
}

/// Folders of one test, removed with the test.
class World {
 public:
  World() : root_(fs::temp_directory_path() / ("troop-test-" + random_hex(6))) {
    for (const char* name : {"tmp", "state"}) fs::create_directories(root_ / name);
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  ~World() {
    std::error_code ignored;
    fs::remove_all(root_, ignored);
  }
  [[nodiscard]] const fs::path& root() const { return root_; }
  [[nodiscard]] fs::path run_directory() const { return root_ / "run"; }

  /// Pids of living processes that this world's commands started: their command line or environment names its folders,
  /// or their errors go there. (Workers have neither.)
  [[nodiscard]] std::vector<pid_t> processes() const {
    std::vector<pid_t> found;
    for (const auto& entry : fs::directory_iterator{"/proc"}) {
      const std::string name = entry.path().filename().string();
      if (!std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; })) continue;
      const bool ours = slurp(entry.path() / "environ").find(root_.string()) != std::string::npos ||
                        slurp(entry.path() / "cmdline").find(root_.string()) != std::string::npos ||
                        errors_of(entry.path()).starts_with(root_.string());
      if (ours && std::stoi(name) != getpid()) found.push_back(std::stoi(name));
    }
    return found;
  }
  /// Those of that name, as the kernel has it.
  [[nodiscard]] std::vector<pid_t> called(const std::string& name) const {
    auto found = processes();
    std::erase_if(found, [&](pid_t pid) { return slurp("/proc/" + std::to_string(pid) + "/comm") != name + "\n"; });
    return found;
  }
  /// The agents that a controller talks with: not their guardians, and nobody who waits for controllers.
  [[nodiscard]] std::vector<pid_t> agents() const {
    auto found = called("troop-agent");
    std::erase_if(found, [](pid_t pid) {
      return slurp("/proc/" + std::to_string(pid) + "/cmdline").find("--control-fd") == std::string::npos;
    });
    return found;
  }
  /// What lies in the folders where nothing may be left; empty if clean.
  [[nodiscard]] std::vector<std::string> leftovers() const {
    std::vector<std::string> found;
    for (const char* name : {"tmp", "state"}) {
      std::error_code gone;
      for (const auto& entry : fs::directory_iterator{root_ / name, gone}) found.push_back(entry.path().string());
    }
    return found;
  }

 private:
  static std::string errors_of(const fs::path& process) {
    std::error_code gone;
    return fs::read_symlink(process / "fd/2", gone).string();
  }

  fs::path root_;
};

/// One `troop` command in a world. Killed by the destructor if it still runs; its agent then reverts by itself.
class TroopCommand {
 public:
  /// `variables`: more of its environment, "NAME=value".
  TroopCommand(World& world, const std::vector<std::string>& arguments, const std::vector<std::string>& variables = {},
               const std::string& program = "troop")
      : world_(world),
        stdout_(world.root() / (program + ".stdout")),
        stderr_(world.root() / (program + ".stderr")),
        starts_others_(program == "troop") {
    std::vector<std::string> texts{std::string{TROOP_BIN_DIR} + "/" + program};
    texts.insert(texts.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    for (auto& text : texts) argv.push_back(text.data());
    argv.push_back(nullptr);
    std::vector<std::string> environment{"PATH=/usr/bin:/bin", "TMPDIR=" + (world.root() / "tmp").string(),
                                         "TROOP_STATE_DIR=" + (world.root() / "state").string(),
                                         "TROOP_LIBRARY=" TROOP_SOURCE_DIR "/scenarios/library"};
    environment.insert(environment.end(), variables.begin(), variables.end());
    std::vector<char*> envp;
    for (auto& text : environment) envp.push_back(text.data());
    envp.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    const auto to_file = [&](int fd, const fs::path& path) {
      posix_spawn_file_actions_addopen(&actions, fd, path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    };
    to_file(STDOUT_FILENO, stdout_);
    to_file(STDERR_FILENO, stderr_);
    // Whoever runs the tests under nohup ignores SIGHUP; troop, which respects that, must not inherit it here.
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t defaults;
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGHUP);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    if (posix_spawn(&pid_, argv[0], &actions, &attributes, argv.data(), envp.data()) != 0) pid_ = -1;
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
  }
  TroopCommand(const TroopCommand&) = delete;
  TroopCommand& operator=(const TroopCommand&) = delete;
  ~TroopCommand() {
    signal(SIGKILL);
    (void)exit_code(10s);
    if (!starts_others_) return;
    (void)eventually([&] { return world_.processes().empty(); }, 20s);
  }

  [[nodiscard]] pid_t pid() const { return pid_; }
  void signal(int number) {
    if (pid_ > 0 && !status_) kill(pid_, number);
  }
  /// The exit code (128 + n when signal n ended it) once it has ended; -1 if it has not in time.
  int exit_code(Duration timeout) {
    if (pid_ <= 0) return -1;
    const auto ended = [&] {
      int status = 0;
      if (!status_ && waitpid(pid_, &status, WNOHANG) == pid_) {
        status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      }
      return status_.has_value();
    };
    return eventually(ended, timeout) ? *status_ : -1;
  }
  /// Waits until its progress says `text`.
  bool says(std::string_view text, Duration timeout) {
    return eventually([&] { return errors().find(text) != std::string::npos; }, timeout);
  }
  [[nodiscard]] std::string output() const { return slurp(stdout_); }
  [[nodiscard]] std::string errors() const { return slurp(stderr_); }

 private:
  World& world_;
  fs::path stdout_, stderr_;
  bool starts_others_;
  pid_t pid_ = -1;
  std::optional<int> status_;
};

/// run.json of the world's run; null if there is none.
inline boost::json::value run_json(const World& world) {
  boost::json::error_code failure;
  return boost::json::parse(slurp(world.run_directory() / "run.json"), failure);
}

/// The judgement of one invariant in run.json or in the output of `verify --format json`.
inline const boost::json::object& judgement(const boost::json::value& document, std::string_view kind) {
  for (const auto& each : document.at("invariants").as_array()) {
    if (each.at("kind").as_string() == kind) return each.as_object();
  }
  throw std::runtime_error{"no invariant " + std::string{kind}};
}

inline std::int64_t count_of(const boost::json::value& document, std::string_view kind, std::string_view name) {
  return judgement(document, kind).at("counts").at(name).as_int64();
}

}  // namespace troop::test
