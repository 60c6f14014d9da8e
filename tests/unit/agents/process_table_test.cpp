// What /proc says of processes that this test started.
#include "agents/host/process_table.hpp"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "tests/support/bystander.hpp"
#include "tests/support/private_network.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/unit/agents/children.hpp"

namespace troop::agents {
namespace {

using testing::HasSubstr;
using troop::test::Bystander;

/// A listening socket on a port of its own.
struct Listener {
  explicit Listener(int family) : fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_storage address{};
    address.ss_family = static_cast<sa_family_t>(family);
    socklen_t size = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    good = ::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) == 0 && ::listen(fd.get(), 1) == 0 &&
           ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0;
    port = ntohs(reinterpret_cast<sockaddr_in*>(&address)->sin_port);
  }
  UniqueFd fd;
  std::uint16_t port = 0;
  bool good = false;
};

bool has_one_of(const std::set<std::string>& all, const std::set<std::string>& wanted) {
  return std::ranges::any_of(wanted, [&](const auto& each) { return all.contains(each); });
}

TEST(ProcessTableTest, TellsWhatAProgramIs) {
  const testing_support::TemporaryFolder folder;
  const Bystander other{folder.path(), "a program) with a (long name", "77"};
  ASSERT_TRUE(other.alive());
  const auto row = read_process(other.pid());
  ASSERT_TRUE(row);
  EXPECT_EQ(row->command, "a program) with");
  EXPECT_EQ(row->program, "a program) with a (long name");
  EXPECT_EQ(row->command_line, (folder / "a program) with a (long name").string() + " 77");
  EXPECT_EQ(row->identity.start_time, identify(other.pid())->start_time);
  EXPECT_NE(row->parent, getpid());
  EXPECT_FALSE(row->is_kernel);
  EXPECT_EQ(row->network, read_process(getpid())->network);
  EXPECT_FALSE(row->groups.empty());
  EXPECT_NE(row->executable, read_process(getpid())->executable);
}

TEST(ProcessTableTest, HasEveryProcessOnceAndNoZombie) {
  const testing_support::TemporaryFolder folder;
  const Bystander other{folder.path(), troop::test::fresh_program_name()};
  const test::Fork zombie{[] {}};
  siginfo_t info{};
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(zombie.pid()), &info, WEXITED | WNOWAIT), 0);
  std::map<pid_t, int> seen;
  for (const auto& row : read_process_table()) ++seen[row.identity.pid];
  EXPECT_EQ(seen[other.pid()], 1);
  EXPECT_EQ(seen[getpid()], 1);
  EXPECT_EQ(seen[zombie.pid()], 0);
  EXPECT_FALSE(read_process(zombie.pid()));
}

TEST(ProcessTableTest, FindsWhoListens) {
  for (const int family : {AF_INET, AF_INET6}) {
    const Listener listener{family};
    ASSERT_TRUE(listener.good);
    const auto inodes = listening_sockets(listener.port);
    EXPECT_TRUE(has_one_of(sockets_of(getpid()), inodes));
    const Listener other{family};
    EXPECT_FALSE(has_one_of(listening_sockets(other.port), inodes));
  }
}

TEST(ProcessTableTest, FindsWhoListensInItsOwnNetworkOnly) {
  const Listener outside{AF_INET};
  ASSERT_TRUE(outside.good);
  const troop::test::PrivateNetwork network;
  if (!network.why_not().empty()) GTEST_SKIP() << network.why_not();
  EXPECT_TRUE(listening_sockets(outside.port).empty());
  const Listener inside{AF_INET};
  EXPECT_TRUE(has_one_of(sockets_of(getpid()), listening_sockets(inside.port)));
}

TEST(ProcessTableTest, TellsWhatAProcessDoesWithSignals) {
  const test::Fork child{[] {
    std::signal(SIGHUP, [](int) {});
    test::wait_for_ever();
  }};
  ASSERT_TRUE(test::until([&] { return handles(child.pid(), SIGHUP); }));
  EXPECT_FALSE(handles(child.pid(), SIGUSR1));
  ::kill(child.pid(), SIGSTOP);
  ASSERT_TRUE(test::reaches_state(child.pid(), "T"));
  ::kill(child.pid(), SIGHUP);
  EXPECT_TRUE(is_pending(child.pid(), SIGHUP));
  ::kill(child.pid(), SIGCONT);
  EXPECT_TRUE(test::until([&] { return !is_pending(child.pid(), SIGHUP); }));
}

}  // namespace
}  // namespace troop::agents
