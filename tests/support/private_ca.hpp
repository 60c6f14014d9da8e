// A certificate authority of a test's own, made by Debian's `openssl`, and what it signs.
#pragma once

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace troop::test {

/// What a server with TLS needs.
struct ServerFiles {
  std::filesystem::path ca, certificate, key;
};

class PrivateCa {
 public:
  /// Makes `folder` and its files in it; good() tells whether that worked.
  explicit PrivateCa(std::filesystem::path folder) : folder_(std::move(folder)) {
    std::filesystem::create_directories(folder_);
    good_ = make_key("ca.key") && openssl({"req", "-x509", "-new", "-key", path("ca.key"), "-subj", "/CN=Troop's tests",
                                           "-days", "2", "-out", path("ca.pem")});
  }
  [[nodiscard]] bool good() const { return good_; }
  [[nodiscard]] std::filesystem::path file() const { return folder_ / "ca.pem"; }

  /// A certificate for `whom`, as "DNS:localhost" or "IP:127.0.0.1", that ends in so many days; negative: it has ended.
  ServerFiles issue(const std::string& whom, int days = 1) {
    std::ofstream{folder_ / "extensions"} << "subjectAltName=" << whom << '\n';
    good_ = good_ && make_key("server.key") &&
            openssl({"req", "-new", "-key", path("server.key"), "-subj", "/CN=server", "-out", path("request")}) &&
            openssl({"x509", "-req", "-in", path("request"), "-CA", path("ca.pem"), "-CAkey", path("ca.key"),
                     "-CAcreateserial", "-days", std::to_string(days), "-extfile", path("extensions"), "-out",
                     path("server.pem")});
    return {file(), folder_ / "server.pem", folder_ / "server.key"};
  }

 private:
  [[nodiscard]] std::string path(const char* name) const { return (folder_ / name).string(); }
  [[nodiscard]] bool make_key(const char* name) const {
    return openssl({"ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path(name)});
  }
  [[nodiscard]] bool openssl(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "/usr/bin/openssl");
    std::vector<char*> argv;
    for (auto& text : arguments) argv.push_back(text.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, path("said").c_str(), O_WRONLY | O_CREAT | O_APPEND,
                                     0600);
    char* environment[] = {nullptr};
    pid_t pid = -1;
    const int failure = posix_spawn(&pid, argv[0], &actions, nullptr, argv.data(), environment);
    posix_spawn_file_actions_destroy(&actions);
    int status = 1;
    return failure == 0 && waitpid(pid, &status, 0) == pid && status == 0;
  }

  std::filesystem::path folder_;
  bool good_ = false;
};

}  // namespace troop::test
