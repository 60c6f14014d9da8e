#include "agents/host/process.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <fstream>
#include <iterator>

#include "agents/host/workspace.hpp"
#include "tests/support/coroutine.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/unit/agents/children.hpp"

namespace troop::agents {
namespace {

using namespace std::chrono_literals;
using testing_support::run;

class ProcessTest : public testing::Test {
 protected:
  [[nodiscard]] Spawn what(std::vector<std::string> argv) const { return {std::move(argv), {}, output(), {}}; }
  [[nodiscard]] std::string output() const { return folder_ / "out"; }
  [[nodiscard]] std::string said() const {
    std::ifstream file{output(), std::ios::binary};
    return {std::istreambuf_iterator<char>{file}, {}};
  }
  /// Runs it to its end and returns what it wrote.
  std::string output_of(const Spawn& spawn) {
    auto process = Process::spawn(spawn);
    EXPECT_TRUE(process) << process.error().context;
    if (!process) return {};
    EXPECT_TRUE(run(process.value().ended_within(20s)));
    EXPECT_EQ(process.value().ending(), "exit code 0");
    return said();
  }
  Process sleeper() {
    auto process = Process::spawn(what({"/bin/sleep", "1000"}));
    EXPECT_TRUE(process) << process.error().context;
    return process ? std::move(process).value() : Process{};
  }

  testing_support::TemporaryFolder folder_;
};

TEST_F(ProcessTest, SaysWhatCouldNotBeExecuted) {
  const auto missing = Process::spawn(what({"/no/such/program"}));
  ASSERT_TRUE(missing.has_error());
  EXPECT_EQ(missing.error().kind, ErrorKind::usage);
  EXPECT_EQ(missing.error().context, "/no/such/program: No such file or directory");
  const auto folder = Process::spawn(what({"/tmp"}));
  ASSERT_TRUE(folder.has_error());
  EXPECT_EQ(folder.error().context, "/tmp: Permission denied");
  EXPECT_THAT(children(), testing::IsEmpty()) << "the fork that could not become it is reaped";
}

TEST_F(ProcessTest, SaysWhereTheOutputCouldNotGo) {
  Spawn spawn = what({"/bin/true"});
  spawn.output = folder_ / "missing/out";
  const auto process = Process::spawn(spawn);
  ASSERT_TRUE(process.has_error());
  EXPECT_EQ(process.error().kind, ErrorKind::usage);
  EXPECT_EQ(process.error().context, spawn.output + ": No such file or directory");
}

TEST_F(ProcessTest, TellsHowItEnded) {
  auto good = Process::spawn(what({"/bin/true"})).value();
  auto bad = Process::spawn(what({"/bin/false"})).value();
  Process killed = sleeper();
  EXPECT_TRUE(killed.alive());
  EXPECT_EQ(killed.ending(), "");
  ASSERT_TRUE(killed.signal(SIGKILL));
  for (Process* each : {&good, &bad, &killed}) EXPECT_TRUE(run(each->ended_within(20s)));
  EXPECT_EQ(good.ending(), "exit code 0");
  EXPECT_TRUE(good.ended_well());
  EXPECT_EQ(bad.ending(), "exit code 1");
  EXPECT_FALSE(bad.ended_well());
  EXPECT_EQ(killed.ending(), "killed by signal 9");
  EXPECT_FALSE(killed.ended_well());
}

TEST_F(ProcessTest, CanBeStoppedAndContinued) {
  Process process = sleeper();
  ASSERT_TRUE(process.signal(SIGSTOP));
  EXPECT_TRUE(test::reaches_state(process.pid(), "T"));
  EXPECT_TRUE(process.alive()) << "stopped is not ended";
  ASSERT_TRUE(process.signal(SIGCONT));
  EXPECT_TRUE(test::reaches_state(process.pid(), "SR"));
  EXPECT_TRUE(process.alive());
}

TEST_F(ProcessTest, WaitsNoLongerThanItIsAskedTo) {
  Process process = sleeper();
  EXPECT_FALSE(run(process.ended_within(0ms)));
  EXPECT_FALSE(run(process.ended_within(15ms)));
  EXPECT_TRUE(process.alive());
}

TEST_F(ProcessTest, IsNotSignalledOnceItHasEnded) {
  Process process = sleeper();
  ASSERT_TRUE(process.signal(SIGKILL));
  ASSERT_TRUE(run(process.ended_within(20s)));
  const auto again = process.signal(SIGKILL);
  ASSERT_TRUE(again.has_error()) << "its pid may be another's by now";
  EXPECT_EQ(again.error().kind, ErrorKind::lost);
  EXPECT_THAT(again.error().context, testing::HasSubstr("killed by signal 9"));
  EXPECT_EQ(process_state(process.pid()), '\0') << "and it is reaped";
}

TEST_F(ProcessTest, EndsAStoppedOneByTheOrderlyWay) {
  Process process = sleeper();
  ASSERT_TRUE(process.signal(SIGSTOP));
  ASSERT_TRUE(test::reaches_state(process.pid(), "T"));
  EXPECT_TRUE(run(process.end(20s)));
  EXPECT_EQ(process.ending(), "killed by signal 15");
  EXPECT_TRUE(run(process.end(20s))) << "again is fine";
}

TEST_F(ProcessTest, EndsAStubbornOneByForceAfterItsGrace) {
  auto spawned = Process::spawn(what({"/usr/bin/env", "--ignore-signal=TERM", "/bin/sleep", "1000"}));
  ASSERT_TRUE(spawned) << spawned.error().context;
  Process process = std::move(spawned).value();
  ASSERT_TRUE(test::until([&] { return test::ignores(process.pid(), SIGTERM); }));
  EXPECT_TRUE(run(process.end(10ms)));
  EXPECT_EQ(process.ending(), "killed by signal 9");
}

TEST_F(ProcessTest, DiesWithItsOwner) {
  UniqueFd pinned;
  {
    Process process = sleeper();
    pinned = test::pin(process.pid());
    ASSERT_FALSE(test::is_gone(pinned, 0ms));
    ASSERT_TRUE(process.signal(SIGSTOP)) << "even when it is stopped";
  }
  EXPECT_TRUE(test::is_gone(pinned, 0ms));
  EXPECT_THAT(children(), testing::IsEmpty());
}

TEST_F(ProcessTest, DiesWhenItsOwnerGetsAnother) {
  Process process = sleeper();
  const UniqueFd first = test::pin(process.pid());
  process = sleeper();
  EXPECT_TRUE(test::is_gone(first, 0ms));
  EXPECT_TRUE(process.alive());
  Process moved{std::move(process)};
  EXPECT_TRUE(moved.alive());
  EXPECT_EQ(children(), std::vector<pid_t>{moved.pid()});
}

TEST_F(ProcessTest, GetsExactlyTheEnvironmentThatIsGiven) {
  ::setenv("TROOP_CANARY", "secret", 1);
  Spawn spawn = what({"/usr/bin/env"});
  spawn.environment = {"ONE=1", "EMPTY=", "TWO=a b=c"};
  EXPECT_EQ(output_of(spawn), "ONE=1\nEMPTY=\nTWO=a b=c\n");
  ::unsetenv("TROOP_CANARY");
}

TEST_F(ProcessTest, TakesArgumentsAsTheyAre) {
  EXPECT_EQ(output_of(what({"/usr/bin/printf", "%s|", "a b", "", "$HOME `x` \"", "*"})), "a b||$HOME `x` \"|*|");
}

TEST_F(ProcessTest, AddsToItsOutput) {
  output_of(what({"/bin/echo", "one"}));
  EXPECT_EQ(output_of(what({"/bin/echo", "two"})), "one\ntwo\n");
}

TEST_F(ProcessTest, KeepsOnlyTheDescriptorsItIsMeantToHave) {
  const UniqueFd kept = sealed_memory("for the child").value();
  // What whoever started us left open has no close-on-exec flag.
  const UniqueFd careless{::open("/dev/zero", O_RDONLY)};
  ASSERT_GT(careless.get(), STDERR_FILENO);
  Spawn spawn = what({"/bin/ls", "-l", "/proc/self/fd"});
  spawn.inherited = {kept.get()};
  const std::string listed = output_of(spawn);
  EXPECT_THAT(listed, testing::HasSubstr(" " + std::to_string(kept.get()) + " -> /memfd:troop"));
  EXPECT_THAT(listed, testing::HasSubstr(" 0 -> /dev/null"));
  EXPECT_THAT(listed, testing::HasSubstr(" 1 -> " + output()));
  EXPECT_THAT(listed, testing::HasSubstr(" 2 -> " + output()));
  EXPECT_THAT(listed, testing::Not(testing::HasSubstr("/dev/zero")));
  const auto arrows = [](const std::string& text) {
    int count = 0;
    for (auto at = text.find(" -> "); at != std::string::npos; at = text.find(" -> ", at + 1)) ++count;
    return count;
  };
  EXPECT_EQ(arrows(listed), 5) << "three, the kept one, and the folder it reads:\n" << listed;
}

TEST_F(ProcessTest, StartsWithDefaultSignalsInAGroupOfItsOwn) {
  const auto previous = ::signal(SIGPIPE, SIG_IGN);
  sigset_t blocked;
  sigset_t before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  sigprocmask(SIG_BLOCK, &blocked, &before);
  Process process = sleeper();
  sigprocmask(SIG_SETMASK, &before, nullptr);
  ::signal(SIGPIPE, previous);
  EXPECT_FALSE(test::ignores(process.pid(), SIGPIPE));
  EXPECT_EQ(test::status_field(process.pid(), "SigBlk"), "0000000000000000");
  EXPECT_EQ(getpgid(process.pid()), process.pid()) << "the terminal's Ctrl-C is not for it";
}

TEST_F(ProcessTest, IsKilledByTheKernelWhenItsParentIs) {
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
  const UniqueFd from{ends[0]};
  UniqueFd to{ends[1]};
  const test::Fork parent{[&] {
    auto process = Process::spawn(what({"/bin/sleep", "1000"}));
    const pid_t pid = process ? process.value().pid() : -1;
    if (write(to.get(), &pid, sizeof pid) != sizeof pid) _exit(1);
    test::wait_for_ever();
  }};
  to.reset();
  pid_t grandchild = 0;
  ASSERT_EQ(read(from.get(), &grandchild, sizeof grandchild), static_cast<ssize_t>(sizeof grandchild));
  ASSERT_GT(grandchild, 0);
  const UniqueFd pinned = test::pin(grandchild);
  ASSERT_TRUE(identify(grandchild));
  ASSERT_FALSE(test::is_gone(pinned, 0ms));
  ::kill(parent.pid(), SIGKILL);
  EXPECT_TRUE(test::is_gone(pinned, 20s));
}

TEST(IdentifyTest, KnowsThisProcessAndNoZombie) {
  const auto self = identify(getpid());
  ASSERT_TRUE(self);
  EXPECT_EQ(self->pid, getpid());
  EXPECT_GT(self->start_time, 0U);
  EXPECT_EQ(process_state(getpid()), 'R');
  const test::Fork child{[] { _exit(0); }};
  siginfo_t info{};
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(child.pid()), &info, WEXITED | WNOWAIT), 0);
  EXPECT_EQ(process_state(child.pid()), 'Z');
  EXPECT_FALSE(identify(child.pid()));
  EXPECT_FALSE(identify(0));
  EXPECT_FALSE(identify(-5));
  EXPECT_EQ(process_state(-5), '\0');
}

TEST(IdentifyTest, ReadsPastANameThatLooksLikeTheRest) {
  const test::Fork child{[] {
    prctl(PR_SET_NAME, ") Z 1 (a b)");
    test::wait_for_ever();
  }};
  EXPECT_TRUE(test::until([&] { return test::status_field(child.pid(), "Name") == ") Z 1 (a b)"; }));
  const auto identity = identify(child.pid());
  ASSERT_TRUE(identity);
  EXPECT_GE(identity->start_time, identify(getpid())->start_time);
  EXPECT_NE(process_state(child.pid()), 'Z');
}

TEST(BootIdTest, IsOneTextForTheWholeBoot) {
  EXPECT_EQ(boot_id().size(), 36U);
  EXPECT_EQ(boot_id(), boot_id());
}

}  // namespace
}  // namespace troop::agents
