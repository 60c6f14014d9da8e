// A Docker engine of a test's own: Debian's dockerd with its data, its socket and its control groups apart from any
// other engine of this host, and without touching the network.
//
// It runs in a process and a mount namespace of its own, as their first process. So the kernel ends the engine, its
// containerd and every container with it, and undoes their mounts, however the test ends. What they keep in /run they
// keep in one of their own.
#pragma once

#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agents/host/process.hpp"
#include "common/ids.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/troop_run.hpp"

namespace troop::test {

class DockerEngine {
 public:
  /// Why there can be none on this host; empty: there can.
  static std::string obstacle() {
    if (dockerd().empty())
      return "no Docker engine is installed here; ./dev test docker installs the package docker.io";
    if (geteuid() != 0) return "an engine has to be started by root";
    return await({isolated({"/bin/true"}), environment(), "/dev/null", {}})
               ? ""
               : "an engine cannot have namespaces of its own here";
  }

  /// Starts it and waits until it answers.
  static Result<std::unique_ptr<DockerEngine>> start() {
    auto engine = std::make_unique<DockerEngine>();
    const auto path = [&](const char* name) { return (engine->folder_ / name).string(); };
    // Not what /etc/docker says, and nothing is written there.
    std::ofstream{path("daemon.json")} << R"({"deprecated-key-path": ")" << path("key.json") << "\"}";
    const auto command = isolated(
        {dockerd(), "--config-file=" + path("daemon.json"), "--host=unix://" + path("docker.sock"),
         "--data-root=" + path("data"), "--exec-root=" + path("exec"), "--pidfile=" + path("pid"),
         "--containerd-namespace=" + engine->name_, "--containerd-plugins-namespace=" + engine->name_ + "-plugins",
         "--exec-opt=native.cgroupdriver=cgroupfs", "--cgroup-parent=/" + engine->name_, "--storage-driver=vfs",
         "--iptables=false", "--bridge=none"});
    const agents::Spawn what{command, environment(), path("dockerd.log"), {}};
    BOOST_OUTCOME_TRY(engine->process_, agents::Process::spawn(what));
    const bool up = eventually(
        [&] { return !engine->process_.alive() || (fs::exists(path("docker.sock")) && engine->run({"version"}).good); },
        60s);
    if (!up || !engine->process_.alive()) {
      return Error{ErrorKind::lost, "the engine does not start: " + slurp(path("dockerd.log"))};
    }
    return engine;
  }
  DockerEngine() = default;
  DockerEngine(const DockerEngine&) = delete;
  DockerEngine& operator=(const DockerEngine&) = delete;
  ~DockerEngine() {
    (void)process_.signal(SIGKILL);
    (void)eventually([&] { return !process_.alive(); }, 20s);
    (void)eventually([&] { return remove_groups(); }, 20s);
  }

  [[nodiscard]] std::string socket() const { return (folder_ / "docker.sock").string(); }

  struct Answer {
    bool good = false;
    std::string output;
  };
  /// `docker ARGUMENTS`, awaited.
  Answer run(std::vector<std::string> arguments) {
    const std::string output = (folder_ / "answer").string();
    std::ofstream{output, std::ios::trunc};
    arguments.insert(arguments.begin(),
                     {docker, "--host=unix://" + socket(), "--config=" + (folder_ / "cli").string()});
    const bool good = await({std::move(arguments), environment(), output, {}});
    return {good, slurp(output)};
  }

  /// An image that has nothing of its own: what containers of it run is the host's /usr, to be mounted read-only.
  Answer import_host_image(const std::string& name) {
    const fs::path root = folder_ / "image";
    for (const char* folder : {"usr", "etc/alternatives", "tmp", "proc", "sys", "dev", "var"}) {
      fs::create_directories(root / folder);
    }
    for (const char* folder : {"bin", "sbin", "lib", "lib64"}) {
      fs::create_symlink(fs::path{"usr"} / folder, root / folder);
    }
    std::ofstream{root / "etc/passwd"} << "root:x:0:0:root:/:/bin/sh\n";
    const std::string archive = (folder_ / "image.tar").string();
    if (!await({{"/bin/tar", "-cf", archive, "-C", root.string(), "."}, environment(), "/dev/null", {}})) {
      return {false, "tar fails"};
    }
    return run({"import", archive, name});
  }

 private:
  static constexpr const char* docker = "/usr/bin/docker";

  /// Debian's docker.io and Docker's own packages put it into different folders.
  static std::string dockerd() {
    for (const char* path : {"/usr/sbin/dockerd", "/usr/bin/dockerd"}) {
      if (access(path, X_OK) == 0 && access(docker, X_OK) == 0) return path;
    }
    return {};
  }
  /// As the first process of its own namespaces; /run is empty there.
  static std::vector<std::string> isolated(const std::vector<std::string>& command) {
    std::vector<std::string> all{"/usr/bin/unshare",
                                 "--mount",
                                 "--pid",
                                 "--fork",
                                 "--kill-child",
                                 "--mount-proc",
                                 "/bin/sh",
                                 "-c",
                                 R"(mount -t tmpfs tmpfs /run && exec "$@")",
                                 "sh"};
    all.insert(all.end(), command.begin(), command.end());
    return all;
  }
  /// True: it has ended well.
  static bool await(const agents::Spawn& what) {
    auto process = agents::Process::spawn(what);
    return process.has_value() && eventually([&] { return !process.value().alive(); }, 60s) &&
           process.value().ended_well();
  }
  static std::vector<std::string> environment() { return {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}; }

  /// In every hierarchy. False: a process that is ending is still in one of them.
  [[nodiscard]] bool remove_groups() const {
    bool gone = true;
    std::error_code ignored;
    std::vector<fs::path> parents{"/sys/fs/cgroup"};
    for (const auto& hierarchy : fs::directory_iterator{"/sys/fs/cgroup", ignored}) parents.push_back(hierarchy.path());
    for (const auto& parent : parents) {
      const fs::path group = parent / name_;
      if (!fs::is_directory(group, ignored)) continue;
      for (const auto& container : fs::directory_iterator{group, ignored}) {
        if (container.is_directory(ignored)) rmdir(container.path().c_str());
      }
      gone = rmdir(group.c_str()) == 0 && gone;
    }
    return gone;
  }

  std::string name_ = "troop-test-" + random_hex(6);
  testing_support::TemporaryFolder folder_;
  agents::Process process_;
};

}  // namespace troop::test
