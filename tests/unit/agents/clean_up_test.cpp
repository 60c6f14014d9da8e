// What the next agent does about those that died.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <csignal>

#include "agents/host/control_group.hpp"
#include "tests/unit/agents/journals.hpp"

namespace troop::agents {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using namespace std::chrono_literals;
using test::fault_record;
using test::journals_in;

class CleanUpTest : public test::StateFolderTest {
 protected:
  CleanUp clean_up() { return clean_up_after_the_dead(state_); }
  /// Nothing of it may have an effect, but it is settled all the same.
  void expect_paid_without(const UniqueFd& victim) {
    const auto cleaned = clean_up();
    EXPECT_EQ(cleaned.journals, 1);
    EXPECT_THAT(cleaned.problems, testing::IsEmpty());
    EXPECT_FALSE(test::is_gone(victim, 0ms)) << "a stranger was ended";
    EXPECT_THAT(journals_in(state_), testing::IsEmpty());
  }
};

TEST_F(CleanUpTest, DoesNothingWhereNobodyDied) {
  const auto missing = clean_up();
  EXPECT_EQ(missing.journals, 0);
  EXPECT_EQ(missing.undone, 0);
  EXPECT_THAT(missing.problems, testing::IsEmpty());
  EXPECT_FALSE(fs::exists(state_));
}

TEST_F(CleanUpTest, EndsTheProcessesOfTheDeadAndRemovesTheirWorkspaces) {
  const test::Fork child{test::wait_for_ever};
  const UniqueFd pinned = test::pin(child.pid());
  const fs::path workspace = folder_ / "troop-agent-0123456789ab";
  fs::create_directories(workspace / "mnesia");
  left_by_the_dead({workspace_record(workspace), process_record("broker", *identify(child.pid())), fault_record("x")});
  const auto cleaned = clean_up();
  EXPECT_EQ(cleaned.journals, 1);
  EXPECT_EQ(cleaned.undone, 3);
  EXPECT_THAT(cleaned.problems, testing::IsEmpty());
  EXPECT_TRUE(test::is_gone(pinned, 0ms));
  EXPECT_FALSE(fs::exists(workspace));
  EXPECT_THAT(journals_in(state_), testing::IsEmpty());
  const auto again = clean_up();
  EXPECT_EQ(again.journals, 0);
  EXPECT_EQ(again.undone, 0);
}

TEST_F(CleanUpTest, RemovesTheControlGroupsOfTheDeadAndNoOthers) {
  auto group = plan_control_group("worker-1");
  if (group.has_error()) GTEST_SKIP() << group.error().context;
  ASSERT_TRUE(make_control_group(group.value()));
  const std::string folder = group.value().folder;
  const test::Fork child{test::wait_for_ever};
  {
    const auto way = way_into(group.value());
    ASSERT_TRUE(way);
    const std::string pid = std::to_string(child.pid());
    ASSERT_EQ(write(way.value().get(), pid.data(), pid.size()), static_cast<ssize_t>(pid.size()));
  }
  ASSERT_TRUE(still_there(group.value()));
  const auto never_made = plan_control_group("worker-2");
  ASSERT_TRUE(never_made);
  const fs::path not_a_group = folder_ / "troop-00000000-worker-1";
  fs::create_directories(not_a_group);
  left_by_the_dead({control_group_record(folder), process_record("worker-1", *identify(child.pid())),
                    control_group_record(never_made.value().folder), control_group_record(not_a_group)});
  const auto cleaned = clean_up();
  EXPECT_THAT(cleaned.problems, testing::IsEmpty());
  EXPECT_EQ(cleaned.undone, 4);
  EXPECT_FALSE(fs::exists(folder));
  EXPECT_TRUE(still_there(group.value()).has_error());
  EXPECT_TRUE(fs::exists(not_a_group));
}

TEST_F(CleanUpTest, KeepsOwingAControlGroupThatSomebodyIsIn) {
  auto group = plan_control_group("worker-1");
  if (group.has_error()) GTEST_SKIP() << group.error().context;
  ASSERT_TRUE(make_control_group(group.value()));
  {
    const test::Fork child{test::wait_for_ever};
    const auto way = way_into(group.value());
    ASSERT_TRUE(way);
    const std::string pid = std::to_string(child.pid());
    ASSERT_EQ(write(way.value().get(), pid.data(), pid.size()), static_cast<ssize_t>(pid.size()));
    left_by_the_dead({control_group_record(group.value().folder)});
    EXPECT_THAT(clean_up().problems, testing::SizeIs(1));
    EXPECT_TRUE(still_there(group.value()));
  }
  EXPECT_THAT(clean_up().problems, testing::IsEmpty());
  EXPECT_TRUE(still_there(group.value()).has_error());
}

TEST_F(CleanUpTest, DoesNotPayWhatWasSettled) {
  const test::Fork child{test::wait_for_ever};
  const UniqueFd pinned = test::pin(child.pid());
  {
    auto journal = create();
    const auto number = journal.append(process_record("broker", *identify(child.pid()))).value();
    ASSERT_TRUE(journal.settle(number));
  }
  expect_paid_without(pinned);
}

TEST_F(CleanUpTest, LeavesALivingAgentAlone) {
  const test::Fork child{test::wait_for_ever};
  const UniqueFd pinned = test::pin(child.pid());
  auto journal = create();
  ASSERT_TRUE(journal.append(process_record("broker", *identify(child.pid()))));
  const auto before = clean_up();
  EXPECT_EQ(before.journals, 0);
  EXPECT_EQ(before.undone, 0);
  EXPECT_FALSE(test::is_gone(pinned, 0ms));
  EXPECT_EQ(journals_in(state_).size(), 1U);
  { const UndoJournal dying{std::move(journal)}; }
  EXPECT_EQ(clean_up().undone, 1);
  EXPECT_TRUE(test::is_gone(pinned, 0ms));
}

TEST_F(CleanUpTest, LeavesALivingAgentOfAnotherProcessAlone) {
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
  const UniqueFd from{ends[0]};
  UniqueFd to{ends[1]};
  test::Fork agent{[&] {
    auto journal = UndoJournal::create(state_);
    const bool made = journal.has_value() && journal.value().append(fault_record("x")).has_value();
    if (!made || write(to.get(), "x", 1) != 1) _exit(1);
    test::wait_for_ever();
  }};
  to.reset();
  char byte = 0;
  ASSERT_EQ(read(from.get(), &byte, 1), 1);
  EXPECT_EQ(clean_up().journals, 0);
  ::kill(agent.pid(), SIGKILL);
  agent.exit_code();
  const auto cleaned = clean_up();
  EXPECT_EQ(cleaned.journals, 1);
  EXPECT_EQ(cleaned.undone, 1);
}

TEST_F(CleanUpTest, DoesNothingToProcessesOfAnotherBoot) {
  const test::Fork child{test::wait_for_ever};
  auto record = process_record("broker", *identify(child.pid()));
  record.state["boot_id"] = "00000000-0000-0000-0000-000000000000";
  left_by_the_dead({record});
  expect_paid_without(test::pin(child.pid()));
}

TEST_F(CleanUpTest, DoesNothingToWhoeverHasThePidNow) {
  const test::Fork child{test::wait_for_ever};
  auto identity = *identify(child.pid());
  ++identity.start_time;
  left_by_the_dead({process_record("broker", identity)});
  expect_paid_without(test::pin(child.pid()));
}

TEST_F(CleanUpTest, DoesNothingToProcessesThatAreNone) {
  const test::Fork child{test::wait_for_ever};
  auto record = process_record("broker", *identify(child.pid()));
  std::vector<UndoRecord> records;
  for (const json::value& pid : {json::value{0}, json::value{1}, json::value{-1}, json::value{-child.pid()},
                                 json::value{"7"}, json::value{nullptr}, json::value{INT64_MAX}}) {
    record.state["pid"] = pid;
    records.push_back(record);
  }
  records.push_back({"process", {{"boot_id", boot_id()}}});
  records.push_back({"process", {{"boot_id", boot_id()}, {"pid", child.pid()}}});
  records.push_back({"process", {}});
  left_by_the_dead(records);
  expect_paid_without(test::pin(child.pid()));
}

TEST_F(CleanUpTest, KeepsTheJournalOfADebtItCannotPayAndPaysTheRest) {
  const fs::path precious = folder_ / "precious";
  fs::create_directory(precious);
  const fs::path workspace = folder_ / "troop-agent-0123456789ab";
  fs::create_directory(workspace);
  left_by_the_dead({workspace_record(precious), {"teleport", {}}, workspace_record(workspace)});
  for (int round = 0; round < 2; ++round) {
    const auto cleaned = clean_up();
    EXPECT_EQ(cleaned.journals, 1);
    EXPECT_EQ(cleaned.undone, 1) << "paid again where it was paid already: safe";
    ASSERT_EQ(cleaned.problems.size(), 2U);
    EXPECT_THAT(cleaned.problems[0], testing::HasSubstr("unknown kind 'teleport'")) << "newest first";
    EXPECT_THAT(cleaned.problems[1], testing::HasSubstr(precious.string() + " is not an agent's workspace"));
    EXPECT_TRUE(fs::exists(precious));
    EXPECT_FALSE(fs::exists(workspace));
    EXPECT_EQ(journals_in(state_).size(), 1U);
  }
}

/// A vhost is not cleared before what was broken in it is mended, and nothing is mended again once it is cleared in
/// part.
TEST_F(CleanUpTest, PaysForABrokerInTurnAndNothingTwice) {
  left_by_the_dead({{"vhost", {{"mark", "one"}}}, {"queue", {{"mark", "one"}}}, {"vhost", {{"mark", "other"}}}});
  std::vector<std::string> asked;
  std::string fails = "queue";
  const Payer payer = [&](const UndoRecord& record) -> std::optional<Result<void>> {
    asked.push_back(record.kind + " of " + std::string{record.state.at("mark").as_string()});
    if (record.kind == fails) return Error{ErrorKind::unrestored, "no answer"};
    return success();
  };
  EXPECT_THAT(clean_up_after_the_dead(state_, payer).problems, testing::SizeIs(1));
  EXPECT_THAT(asked, testing::ElementsAre("vhost of other", "queue of one"));
  asked.clear();
  fails = "vhost";
  EXPECT_THAT(clean_up_after_the_dead(state_, payer).problems, testing::SizeIs(1));
  EXPECT_THAT(asked, testing::ElementsAre("queue of one", "vhost of one"));
  asked.clear();
  fails.clear();
  EXPECT_THAT(clean_up_after_the_dead(state_, payer).problems, testing::IsEmpty());
  EXPECT_THAT(asked, testing::ElementsAre("vhost of one"));
  EXPECT_THAT(journals_in(state_), testing::IsEmpty());
}

TEST_F(CleanUpTest, TakesATornLastLineForOneThatWasNeverActedUpon) {
  const test::Fork child{test::wait_for_ever};
  const UniqueFd pinned = test::pin(child.pid());
  left_by_the_dead({fault_record("a"), process_record("broker", *identify(child.pid()))});
  const fs::path file = journals_in(state_).at(0);
  const std::string text = test::content(file);
  const std::size_t end = text.find('\0');
  const std::size_t last = text.rfind('\n', end - 2) + 1;
  for (std::size_t cut = last; cut + 1 < end; ++cut) {
    fs::remove(file);
    left_as_text(text.substr(0, cut) + std::string(text.size() - cut, '\0'));
    const auto cleaned = clean_up();
    ASSERT_EQ(cleaned.undone, 1) << cut;
    ASSERT_THAT(cleaned.problems, testing::IsEmpty()) << cut;
  }
  EXPECT_FALSE(test::is_gone(pinned, 0ms));
  left_as_text(text);
  EXPECT_EQ(clean_up().undone, 2);
  EXPECT_TRUE(test::is_gone(pinned, 0ms)) << "whole, it counts";
}

TEST_F(CleanUpTest, SkipsLinesThatAreNoRecords) {
  left_as_text(
      "hello\n[]\n7\n{}\n{\"n\":\"1\",\"kind\":\"fault\",\"state\":{}}\n{\"n\":2,\"kind\":3,\"state\":{}}\n"
      "{\"n\":3,\"kind\":\"fault\",\"state\":[]}\n{\"done\":\"x\"}\n{\"done\":99}\n" +
      std::string(1000, '[') + "\n{\"n\":4,\"kind\":\"fault\",\"state\":{}}\n");
  const auto cleaned = clean_up();
  EXPECT_EQ(cleaned.undone, 1);
  EXPECT_THAT(cleaned.problems, testing::IsEmpty());
}

TEST_F(CleanUpTest, TouchesNothingElseInTheFolder) {
  fs::create_directories(state_);
  const std::string debt = "{\"n\":1,\"kind\":\"fault\",\"state\":{}}\n";
  for (const char* name : {"notes.txt", "agent-1.log", "other-1.journal", ".agent-1-00.journal"}) {
    std::ofstream{state_ / name} << debt;
  }
  std::ofstream{folder_ / "outside"} << debt;
  fs::create_symlink(folder_ / "outside", state_ / "agent-2-00.journal");
  const auto cleaned = clean_up();
  EXPECT_EQ(cleaned.journals, 0);
  EXPECT_EQ(journals_in(state_).size(), 5U);
}

TEST_F(CleanUpTest, RefusesAJournalOfAnotherUser) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
  const fs::path workspace = folder_ / "troop-agent-0123456789ab";
  fs::create_directory(workspace);
  left_by_the_dead({workspace_record(workspace)});
  ASSERT_EQ(chown(journals_in(state_).at(0).c_str(), 65534, 65534), 0);
  EXPECT_EQ(clean_up().journals, 0);
  EXPECT_TRUE(fs::exists(workspace));
}

}  // namespace
}  // namespace troop::agents
