// What a host can do is found by trying: here on a host that can, and in a child that may not.
#include "agents/rabbitmq/ability.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "agents/host/process.hpp"

namespace troop::agents {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

/// What `ask` finds in a child that gave up what `give_up` takes away: "obstacle; remedy".
std::string found_by(bool (*give_up)(), Ability (*ask)()) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return "no pipe";
  const pid_t pid = fork();
  if (pid == 0) {
    const Ability found = give_up() ? ask() : Ability{"the child kept its rights", ""};
    const std::string text = found.obstacle + "; " + found.remedy;
    _exit(write(ends[1], text.data(), text.size()) < 0 ? 1 : 0);
  }
  close(ends[1]);
  std::string text(1000, '\0');
  const ssize_t got = read(ends[0], text.data(), text.size());
  close(ends[0]);
  waitpid(pid, nullptr, 0);
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return text;
}

bool be_nobody() { return setresgid(65534, 65534, 65534) == 0 && setresuid(65534, 65534, 65534) == 0; }

/// As a container's seccomp profile of some years ago.
bool lose_pidfds() {
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pidfd_open, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{std::size(code), code};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

TEST(AbilityTest, OfProcessesIsTriedOnOneThatIsGoneAfterwards) {
  const Ability found = try_processes();
  EXPECT_TRUE(found.able()) << found.obstacle;
  EXPECT_THAT(children(), IsEmpty());
}

TEST(AbilityTest, OfProcessesNeedsPidfds) {
  EXPECT_THAT(found_by(lose_pidfds, try_processes), AllOf(HasSubstr("pidfd_open: Operation not permitted"),
                                                          HasSubstr("; Linux 5.3 or later; in a container")));
}

TEST(AbilityTest, OfTheNetworkIsTriedInANamespaceThatIsGoneAfterwards) {
  if (geteuid() != 0) GTEST_SKIP() << "only root may";
  const auto own = std::filesystem::read_symlink("/proc/self/ns/net");
  for (const auto ask : {try_network_namespaces, try_nftables}) {
    const Ability found = ask();
    EXPECT_TRUE(found.able()) << found.obstacle;
  }
  EXPECT_EQ(std::filesystem::read_symlink("/proc/self/ns/net"), own);
  EXPECT_THAT(children(), IsEmpty());
}

TEST(AbilityTest, OfTheNetworkIsNotAnybodys) {
  for (const auto ask : {try_network_namespaces, try_nftables}) {
    EXPECT_THAT(found_by(
                    geteuid() == 0 ? be_nobody : +[] { return true; }, ask),
                AllOf(HasSubstr("Operation not permitted; run as root"), HasSubstr("no n")));
  }
}

TEST(AbilityTest, OfABrokerNeedsOneWhereTheScenarioSays) {
  model::Broker wanted;
  wanted.binary = "/nowhere/rabbitmq-server";
  const Ability found = try_broker(wanted);
  EXPECT_EQ(found.obstacle, "no RabbitMQ at /nowhere/rabbitmq-server");
  EXPECT_THAT(found.remedy, AllOf(HasSubstr("apt-get install rabbitmq-server"), HasSubstr("attached instead")));
}

}  // namespace
}  // namespace troop::agents
