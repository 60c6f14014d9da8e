// What a person is told of this host, and how everything is put back: agents that run, hang or are gone.
#include "agents/daemon/host_state.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/file.h>
#include <unistd.h>

#include <boost/json/serialize.hpp>
#include <csignal>

#include "tests/unit/agents/journals.hpp"

namespace troop::agents {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using test::journals_in;
using testing::HasSubstr;
using testing::IsEmpty;

class HostStateTest : public test::StateFolderTest {
 protected:
  /// An agent that keeps a signed journal with a workspace to remove, until it is ended. It ignores SIGTERM if `deaf`;
  /// otherwise it puts everything back and ends.
  std::unique_ptr<test::Fork> agent(const fs::path& workspace, bool deaf) {
    fs::create_directories(workspace);
    auto child = std::make_unique<test::Fork>([this, workspace, deaf] {
      auto journal = UndoJournal::create(state_);
      if (!journal || !journal.value().sign()) _exit(1);
      const auto debt = journal.value().append(workspace_record(workspace));
      if (!debt) _exit(1);
      sigset_t terminate;
      sigemptyset(&terminate);
      sigaddset(&terminate, SIGTERM);
      sigprocmask(SIG_BLOCK, &terminate, nullptr);
      std::ofstream{folder_ / "ready"} << "yes";
      int number = 0;
      sigwait(&terminate, &number);
      if (deaf) test::wait_for_ever();
      fs::remove_all(workspace);
      (void)journal.value().settle(debt.value());
      journal.value().close();
      _exit(0);
    });
    EXPECT_TRUE(test::until([&] { return fs::exists(folder_ / "ready"); }));
    fs::remove(folder_ / "ready");
    return child;
  }
  std::vector<JournalView> look() {
    auto journals = look_at_journals(state_);
    EXPECT_TRUE(journals) << journals.error().context;
    return journals ? std::move(journals).value() : std::vector<JournalView>{};
  }
  Undone undo(Duration patience = 10s) { return undo_all(state_, patience, {}); }

  fs::path workspace_ = folder_ / "troop-agent-0123456789ab";
};

TEST_F(HostStateTest, SaysThatNothingIsInForce) {
  EXPECT_EQ(to_text(look()), "Nothing of Troop is in force on this host.\n");
  EXPECT_THAT(to_json(look()), IsEmpty());
  const auto undone = undo();
  EXPECT_EQ(undone.agents + undone.debts, 0);
  EXPECT_THAT(undone.problems, IsEmpty());
  EXPECT_FALSE(fs::exists(state_)) << "whoever looks leaves nothing";
}

TEST_F(HostStateTest, TellsWhatIsOwedByWhomAndSinceWhen) {
  const auto living = agent(workspace_, false);
  const std::string text = to_text(look());
  EXPECT_THAT(text, HasSubstr("agent " + std::to_string(living->pid()) + ", alive: to be put back"));
  EXPECT_THAT(text, testing::ContainsRegex("since 20[0-9-]+T[0-9:]+Z  workspace  .*/troop-agent-0123456789ab\n"));
  left_by_the_dead(
      {{"fault", {{"fault", "broker.pause"}, {"victim", "broker"}, {"for_ns", 3'000'000'000}, {"run", "/runs/7"}}}});
  EXPECT_THAT(to_text(look()),
              testing::ContainsRegex("broker.pause on broker, until 20[0-9-]+T[0-9:]+Z, for /runs/7\n"));
  const auto all = to_json(look());
  ASSERT_EQ(all.size(), 2U);
  const auto dead = std::find_if(all.begin(), all.end(), [](const auto& one) { return one.at("condition") == "dead"; });
  ASSERT_NE(dead, all.end()) << boost::json::serialize(all);
  EXPECT_EQ(dead->at("debts").at(0).at("what").as_string(), "broker.pause on broker");
  EXPECT_GT(dead->at("debts").at(0).at("until").as_string(), dead->at("debts").at(0).at("since").as_string());
  EXPECT_EQ(dead->at("debts").at(0).at("run").as_string(), "/runs/7");
  EXPECT_TRUE(all.at(dead == all.begin() ? 1 : 0).at("debts").at(0).at("until").is_null()) << "a workspace";
  EXPECT_EQ(journals_in(state_).size(), 2U) << "looking changes nothing";
}

TEST_F(HostStateTest, AnAgentThatRunsPutsBackItself) {
  const auto living = agent(workspace_, false);
  const UniqueFd pinned = test::pin(living->pid());
  const auto undone = undo();
  EXPECT_EQ(undone.agents, 1);
  EXPECT_EQ(undone.debts, 0) << "it was asked, and paid";
  EXPECT_THAT(undone.problems, IsEmpty());
  EXPECT_TRUE(test::is_gone(pinned, 0ms));
  EXPECT_FALSE(fs::exists(workspace_));
  EXPECT_THAT(journals_in(state_), IsEmpty());
  EXPECT_EQ(undo().agents, 0) << "again is fine";
}

TEST_F(HostStateTest, AnAgentThatIsDeafOrStoppedIsKilledAndItsDebtsArePaid) {
  for (const bool stopped : {false, true}) {
    const auto living = agent(workspace_, true);
    const UniqueFd pinned = test::pin(living->pid());
    if (stopped) kill(living->pid(), SIGSTOP);
    EXPECT_TRUE(test::until([&] { return !stopped || process_state(living->pid()) == 'T'; }));
    EXPECT_THAT(to_text(look()), HasSubstr(stopped ? ", stopped: " : ", alive: "));
    const auto undone = undo(stopped ? 100s : 300ms);
    EXPECT_EQ(undone.agents, 1);
    EXPECT_EQ(undone.debts, 1);
    EXPECT_THAT(undone.problems, IsEmpty());
    EXPECT_TRUE(test::is_gone(pinned, 0ms));
    EXPECT_FALSE(fs::exists(workspace_));
    EXPECT_THAT(journals_in(state_), IsEmpty());
  }
}

TEST_F(HostStateTest, WhoeverGotTheAgentsPidIsLeftAlone) {
  const test::Fork stranger{test::wait_for_ever};
  const UniqueFd pinned = test::pin(stranger.pid());
  auto identity = *identify(stranger.pid());
  left_as_text("{\"agent\":{\"pid\":" + std::to_string(identity.pid) +
               ",\"start_time\":" + std::to_string(identity.start_time - 1) + ",\"boot_id\":\"" + boot_id() + "\"}}\n");
  // Held, so that it looks like a living agent's.
  const UniqueFd fd{open((state_ / "agent-1-00000000.journal").c_str(), O_RDWR | O_CLOEXEC)};
  ASSERT_EQ(flock(fd.get(), LOCK_EX | LOCK_NB), 0);
  const auto undone = undo(100ms);
  EXPECT_FALSE(test::is_gone(pinned, 0ms)) << "a stranger was ended";
  ASSERT_EQ(undone.problems.size(), 1U) << "what somebody still holds is not clean";
  EXPECT_THAT(undone.problems[0], HasSubstr("somebody holds it"));
}

TEST_F(HostStateTest, SaysThatItDoesNotKnowWhereItCannotLook) {
  fs::create_directories(state_.parent_path());
  std::ofstream{state_} << "a file where the folder should be";
  EXPECT_FALSE(look_at_journals(state_));
  EXPECT_THAT(undo().problems, testing::Contains(HasSubstr("what is owed is not known")));
}

TEST_F(HostStateTest, IsLoudAboutAJournalThatIsNone) {
  left_as_text("");
  fs::resize_file(state_ / "agent-1-00000000.journal", 5 * 1024 * 1024);
  EXPECT_FALSE(look_at_journals(state_));
  EXPECT_THAT(undo().problems, testing::Contains(HasSubstr("too large for a journal")));
}

TEST_F(HostStateTest, IsLoudAboutAnAgentThatItCannotName) {
  auto journal = create();  // held by this very process, and not signed
  const auto undone = undo();
  ASSERT_EQ(undone.problems.size(), 1U);
  EXPECT_THAT(undone.problems[0], HasSubstr("does not say which process that is"));
  journal.close();
}

}  // namespace
}  // namespace troop::agents
