// Processes that are not ours to wait for: strangers named by a journal, orphans that a child left.
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "agents/host/process.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/unit/agents/children.hpp"

namespace troop::agents {
namespace {

using namespace std::chrono_literals;

/// The signal that ended the child, or its exit code; it stays a zombie.
int ended_by(const test::Fork& child) {
  siginfo_t info{};
  return waitid(P_PID, static_cast<id_t>(child.pid()), &info, WEXITED | WNOWAIT) == 0 ? info.si_status : -1;
}

TEST(EndStrangerTest, AsksFirst) {
  const test::Fork child{test::wait_for_ever};
  ASSERT_TRUE(end_stranger(*identify(child.pid()), 20s));
  EXPECT_EQ(ended_by(child), SIGTERM);
}

TEST(EndStrangerTest, ForcesWhoeverDoesNotListen) {
  const test::Fork child{[] {
    std::signal(SIGTERM, SIG_IGN);
    test::wait_for_ever();
  }};
  ASSERT_TRUE(test::until([&] { return test::ignores(child.pid(), SIGTERM); }));
  ASSERT_TRUE(end_stranger(*identify(child.pid()), 10ms));
  EXPECT_EQ(ended_by(child), SIGKILL);
}

TEST(EndStrangerTest, WakesAStoppedOneToBeAsked) {
  const test::Fork child{test::wait_for_ever};
  ::kill(child.pid(), SIGSTOP);
  ASSERT_TRUE(test::reaches_state(child.pid(), "T"));
  ASSERT_TRUE(end_stranger(*identify(child.pid()), 20s));
  EXPECT_EQ(ended_by(child), SIGTERM);
}

TEST(EndStrangerTest, SparesWhoeverGotThePidSince) {
  const test::Fork child{test::wait_for_ever};
  auto identity = *identify(child.pid());
  const UniqueFd pinned = test::pin(child.pid());
  ++identity.start_time;
  EXPECT_TRUE(end_stranger(identity, 0ms));
  identity.start_time = 0;
  EXPECT_TRUE(end_stranger(identity, 0ms));
  EXPECT_FALSE(test::is_gone(pinned, 0ms));
}

TEST(EndStrangerTest, IsContentWithTheDead) {
  ProcessIdentity identity;
  {
    const test::Fork child{test::wait_for_ever};
    identity = *identify(child.pid());
    ::kill(child.pid(), SIGKILL);
    ASSERT_EQ(ended_by(child), SIGKILL);
    EXPECT_TRUE(end_stranger(identity, 0ms)) << "a zombie";
  }
  EXPECT_TRUE(end_stranger(identity, 0ms)) << "reaped";
  EXPECT_TRUE(end_stranger({-1, 0}, 0ms)) << "never a process";
}

/// Leaves a daemon behind, as RabbitMQ's start script would: a child of a child that has ended.
void leave_a_daemon() {
  const pid_t child = ::fork();
  if (child == 0) {
    ::setsid();
    if (::fork() == 0) test::wait_for_ever();
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
}

TEST(EndOrphansTest, EndsWhatChildrenLeftAndNobodyElse) {
  const testing_support::TemporaryFolder folder;
  const test::Fork agent{[&] {
    if (!become_subreaper()) ::_exit(1);
    auto known = Process::spawn({{"/bin/sleep", "1000"}, {}, folder / "out", {}});
    if (!known) ::_exit(2);
    leave_a_daemon();
    leave_a_daemon();
    if (children().size() != 3) ::_exit(3);
    if (end_orphans({known.value().pid()}) != 2) ::_exit(4);
    if (!known.value().alive() || children().size() != 1) ::_exit(5);
    if (end_orphans({known.value().pid()}) != 0) ::_exit(6);
    if (end_orphans({}) != 1 || !children().empty()) ::_exit(7);
    if (known.value().alive()) ::_exit(8);  // reaped behind its back: noticed, never signalled
    ::_exit(known.value().signal(SIGKILL).has_error() ? 0 : 9);
  }};
  EXPECT_EQ(agent.exit_code(), 0);
}

}  // namespace
}  // namespace troop::agents
