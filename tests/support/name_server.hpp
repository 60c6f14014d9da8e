// A real name server, Debian's dnsmasq, in the calling thread's network namespace, on its loopback; and the names as
// libc finds them there.
#pragma once

#include <fcntl.h>
#include <netdb.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/ip/tcp.hpp>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "common/clock.hpp"
#include "tests/support/temporary_folder.hpp"

namespace troop::test {

/// It knows `db.test` (192.0.2.10, 2001:db8::10), `web.test` (192.0.2.11) and `big.test`, whose addresses do not fit
/// into a plain answer over UDP. Ends with whoever started it.
class NameServer {
 public:
  static constexpr const char* program = "/usr/sbin/dnsmasq";

  explicit NameServer(const std::vector<std::string>& addresses) {
    std::vector<std::string> arguments{program,
                                       "--keep-in-foreground",
                                       "--conf-file=/dev/null",
                                       "--no-resolv",
                                       "--no-hosts",
                                       "--bind-interfaces",
                                       "--user=root",
                                       "--group=root",
                                       "--pid-file=",
                                       "--local-ttl=3600",
                                       "--local=/test/",
                                       "--log-facility=/dev/null",
                                       "--cache-size=0",
                                       "--no-daemon",
                                       "--host-record=web.test,192.0.2.11"};
    arguments.emplace_back("--host-record=db.test,192.0.2.10,2001:db8::10");
    for (int i = 1; i <= 60; ++i) arguments.push_back("--address=/big.test/198.51.100." + std::to_string(i));
    for (const auto& address : addresses) arguments.push_back("--listen-address=" + address);
    std::vector<char*> argv;
    for (auto& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    pid_ = fork();
    if (pid_ != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int nowhere = open("/dev/null", O_RDWR);
    for (const int fd : {0, 1, 2}) dup2(nowhere, fd);
    execv(program, argv.data());
    _exit(127);
  }
  NameServer(const NameServer&) = delete;
  NameServer& operator=(const NameServer&) = delete;
  ~NameServer() {
    ::kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }

 private:
  pid_t pid_;
};

/// The calling thread, and what it starts, sees another /etc/resolv.conf from now on; nobody else does.
class OwnResolvConf {
 public:
  explicit OwnResolvConf(const std::string& text) : file_(folder_ / "resolv.conf") {
    write(text);
    ours_ = unshare(CLONE_NEWNS) == 0 && mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
            mount(file_.c_str(), "/etc/resolv.conf", nullptr, MS_BIND, nullptr) == 0;
  }
  [[nodiscard]] bool ours() const { return ours_; }
  /// libc looks whether it has changed.
  void write(const std::string& text) const { std::ofstream{file_, std::ios::trunc} << text; }

 private:
  testing_support::TemporaryFolder folder_;
  std::filesystem::path file_;
  bool ours_ = false;
};

/// What libc says of a name.
struct LookedUp {
  int error = 0;  ///< EAI_…; 0: found.
  std::vector<std::string> addresses = {};
  Duration took{};
};

inline LookedUp look_up(const char* name, int family = AF_INET) {
  const std::int64_t asked = monotonic_ns();
  addrinfo wanted{};
  wanted.ai_family = family;
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  LookedUp found;
  found.error = getaddrinfo(name, nullptr, &wanted, &list);
  found.took = Duration{monotonic_ns() - asked};
  for (const addrinfo* each = list; each != nullptr; each = each->ai_next) {
    boost::asio::ip::tcp::endpoint endpoint;
    std::memcpy(endpoint.data(), each->ai_addr, each->ai_addrlen);
    endpoint.resize(each->ai_addrlen);
    found.addresses.push_back(endpoint.address().to_string());
  }
  if (list != nullptr) freeaddrinfo(list);
  return found;
}

}  // namespace troop::test
