// The first and only program of a virtual machine whose kernel has sch_netem: mounts what the tests need, loads the
// modules that tests/netem/vm.sh has put beside it, runs the tests, says how many passed, and powers off.
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>

#include "common/unique_fd.hpp"

namespace {

void mounted(const char* kind, const char* where) {
  mkdir(where, 0755);
  if (mount(kind, where, kind, 0, nullptr) != 0) fmt::print("netem: {}: {}\n", where, std::strerror(errno));
}

void load_modules() {
  std::ifstream order{"/modules/order"};
  for (std::string name; std::getline(order, name);) {
    const troop::UniqueFd file{open(("/modules/" + name).c_str(), O_RDONLY | O_CLOEXEC)};
    if (syscall(SYS_finit_module, file.get(), "", 0) != 0 && errno != EEXIST && errno != ENODEV) {
      fmt::print("netem: {}: {}\n", name, std::strerror(errno));
    }
  }
}

/// How many passed, where all did; else none.
int run_tests(int argc, char** argv) {
  testing::GTEST_FLAG(filter) = "Netem*:NetworkComposition*:EveryNetworkFault.*latency:EveryNetworkFault.*bandwidth";
  testing::InitGoogleMock(&argc, argv);
  testing::GTEST_FLAG(color) = "no";
  if (RUN_ALL_TESTS() != 0) return 0;
  const auto& all = *testing::UnitTest::GetInstance();
  return all.skipped_test_count() > 0 ? 0 : all.successful_test_count();
}

}  // namespace

int main(int argc, char** argv) {
  if (getpid() != 1) {
    fmt::print(stderr, "this runs as the init of a virtual machine: ./dev test netem\n");
    return 2;
  }
  std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
  mounted("proc", "/proc");
  mounted("sysfs", "/sys");
  mounted("devtmpfs", "/dev");
  mounted("tmpfs", "/dev/shm");
  mounted("tmpfs", "/run");
  mkdir("/tmp", 01777);
  setenv("PATH", "/bin", 1);
  load_modules();
  const pid_t tests = fork();
  if (tests == 0) {
    const int passed = run_tests(argc, argv);
    if (passed > 0) fmt::print("netem: all {} tests passed\n", passed);
    std::fflush(stdout);
    _exit(passed > 0 ? 0 : 1);
  }
  int status = 0;
  for (pid_t gone = 0; gone != tests;) gone = waitpid(-1, &status, 0);
  if (WIFSIGNALED(status)) fmt::print("netem: the tests were ended by signal {}\n", WTERMSIG(status));
  sync();
  reboot(RB_POWER_OFF);
  return 1;
}
