// The guardian of an agent that is killed, hangs or ends as it should. The agents here are forks that owe a folder.
#include "agents/guardian.hpp"

#include <gmock/gmock.h>
#include <sys/prctl.h>

#include "tests/unit/agents/journals.hpp"

namespace troop::agents {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using test::journals_in;

class GuardianTest : public test::StateFolderTest {
 protected:
  // Guardians are nobody's children, so they become ours, and can be waited for.
  void SetUp() override { prctl(PR_SET_CHILD_SUBREAPER, 1); }
  void TearDown() override { prctl(PR_SET_CHILD_SUBREAPER, 0); }

  /// An agent with a guardian and a folder to remove, which then does as `ends` says.
  template <class Ends>
  test::Fork agent(Duration lease, Ends ends) {
    fs::create_directories(workspace_);
    return test::Fork{[this, lease, ends] {
      const auto guardian = Guardian::fork(state_, lease, {});
      auto journal = UndoJournal::create(state_);
      if (!guardian || !journal || !journal.value().sign()) _exit(1);
      if (!journal.value().append(workspace_record(workspace_))) _exit(1);
      std::ofstream{folder_ / "ready"} << "yes";
      ends(guardian.value());
      _exit(0);
    }};
  }
  bool ready() {
    return test::until([&] { return fs::exists(folder_ / "ready"); });
  }
  /// Waits for the end of the one guardian that there is; its exit code.
  static int guardian_ends(pid_t agent) {
    pid_t found = -1;
    const bool seen = test::until([&] {
      for (const pid_t child : children()) {
        if (child != agent) found = child;
      }
      return found > 0;
    });
    int status = -1;
    if (!seen || waitpid(found, &status, 0) != found) return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  fs::path workspace_ = folder_ / "troop-agent-0123456789ab";
};

TEST_F(GuardianTest, PaysForAnAgentThatIsKilled) {
  const test::Fork agent = this->agent(60s, [](const Guardian&) { test::wait_for_ever(); });
  ASSERT_TRUE(ready());
  kill(agent.pid(), SIGKILL);
  EXPECT_EQ(guardian_ends(agent.pid()), 0);
  EXPECT_FALSE(fs::exists(workspace_));
  EXPECT_FALSE(fs::exists(state_)) << "whoever pays the last debt leaves no empty folder";
}

TEST_F(GuardianTest, KillsAnAgentThatHangsAndPaysForIt) {
  const test::Fork agent = this->agent(200ms, [](const Guardian&) { test::wait_for_ever(); });
  ASSERT_TRUE(ready());
  const UniqueFd pinned = test::pin(agent.pid());
  EXPECT_TRUE(test::is_gone(pinned, 20s)) << "it did not beat once";
  EXPECT_EQ(guardian_ends(agent.pid()), 0);
  EXPECT_FALSE(fs::exists(workspace_));
}

TEST_F(GuardianTest, DoesNothingWhenItIsDismissed) {
  const test::Fork agent = this->agent(60s, [](const Guardian& guardian) { guardian.dismiss(); });
  ASSERT_EQ(agent.exit_code(), 0);
  EXPECT_EQ(guardian_ends(agent.pid()), 0);
  EXPECT_TRUE(fs::exists(workspace_)) << "not taken for a death";
  EXPECT_EQ(journals_in(state_).size(), 1U);
}

TEST_F(GuardianTest, PaysWhatAnAgentStillOwesThatEnds) {
  const test::Fork agent = this->agent(60s, [](const Guardian&) {});
  ASSERT_EQ(agent.exit_code(), 0);
  EXPECT_EQ(guardian_ends(agent.pid()), 0);
  EXPECT_FALSE(fs::exists(workspace_));
}

}  // namespace
}  // namespace troop::agents
