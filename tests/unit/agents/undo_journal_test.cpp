#include "agents/undo_journal.hpp"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "tests/unit/agents/journals.hpp"

namespace troop::agents {
namespace {

namespace fs = std::filesystem;
using test::content;
using test::fault_record;
using test::journals_in;

class UndoJournalTest : public test::StateFolderTest {};

unsigned mode_of(const fs::path& path) {
  struct stat status {};
  return lstat(path.c_str(), &status) == 0 ? status.st_mode & 07777U : 0;
}

TEST_F(UndoJournalTest, IsOnePreallocatedPrivateFileInAPrivateFolder) {
  const auto journal = create();
  const auto files = journals_in(state_);
  ASSERT_EQ(files.size(), 1U);
  EXPECT_EQ(mode_of(state_), 0700U);
  EXPECT_EQ(mode_of(files[0]), 0600U);
  EXPECT_THAT(files[0].filename().string(), testing::StartsWith("agent-" + std::to_string(getpid()) + "-"));
  EXPECT_EQ(content(files[0]), std::string(std::size_t{64} * 1024, '\0')) << "a full disk cannot stop an undo record";
}

TEST_F(UndoJournalTest, HasARecordOnDiskOnceItIsAppended) {
  auto journal = create();
  EXPECT_EQ(journal.append(fault_record("one")).value(), 1);
  EXPECT_EQ(journal.append(workspace_record("/tmp/troop-agent-0123456789ab")).value(), 2);
  const std::string text = content(journals_in(state_).at(0));
  EXPECT_THAT(text.substr(0, text.find('\0')),
              testing::MatchesRegex("\\{\"n\":1,\"kind\":\"fault\",\"state\":\\{\"fault\":\"one\"\\},\"at\":[0-9]+\\}\n"
                                    "\\{\"n\":2,\"kind\":\"workspace\",\"state\":\\{\"path\":"
                                    "\"/tmp/troop-agent-0123456789ab\"\\},\"at\":[0-9]+\\}\n"));
  ASSERT_EQ(journal.open().size(), 2U);
  EXPECT_EQ(journal.open().at(1).kind, "fault");
}

TEST_F(UndoJournalTest, SettlesADebtOnceAndWritesThatDown) {
  auto journal = create();
  const auto one = journal.append(fault_record("one")).value();
  const auto two = journal.append(fault_record("two")).value();
  ASSERT_TRUE(journal.settle(one));
  EXPECT_EQ(journal.open().size(), 1U);
  EXPECT_TRUE(journal.open().contains(two));
  const std::string text = content(journals_in(state_).at(0));
  EXPECT_THAT(text, testing::HasSubstr("\n{\"done\":1}\n"));
  EXPECT_TRUE(journal.settle(one)) << "again is fine";
  EXPECT_TRUE(journal.settle(99)) << "and so is what never was";
  EXPECT_EQ(content(journals_in(state_).at(0)), text) << "but neither is written";
}

TEST_F(UndoJournalTest, LeavesNothingBehindWhereNothingIsOwed) {
  auto journal = create();
  const auto number = journal.append(fault_record("one")).value();
  ASSERT_TRUE(journal.settle(number));
  journal.close();
  EXPECT_FALSE(fs::exists(state_)) << "nor the folder, since it was the last";
  journal.close();
}

TEST_F(UndoJournalTest, StaysWhereSomethingIsOwed) {
  auto journal = create();
  ASSERT_TRUE(journal.append(fault_record("one")));
  journal.close();
  EXPECT_EQ(journals_in(state_).size(), 1U);
}

TEST_F(UndoJournalTest, LeavesTheFolderToTheOthersInIt) {
  auto mine = create();
  const auto theirs = create();
  ASSERT_EQ(journals_in(state_).size(), 2U);
  mine.close();
  EXPECT_EQ(journals_in(state_).size(), 1U);
}

TEST_F(UndoJournalTest, MakesAnOpenFolderPrivate) {
  fs::create_directories(state_);
  fs::permissions(state_, fs::perms::all);
  const auto journal = create();
  EXPECT_EQ(mode_of(state_), 0700U);
}

TEST_F(UndoJournalTest, RefusesAFolderThatIsALinkOrAFile) {
  fs::create_directory(folder_ / "elsewhere");
  fs::create_directory_symlink(folder_ / "elsewhere", state_);
  const auto linked = UndoJournal::create(state_);
  ASSERT_TRUE(linked.has_error());
  EXPECT_EQ(linked.error().kind, ErrorKind::usage);
  EXPECT_THAT(linked.error().context, testing::HasSubstr("set TROOP_STATE_DIR"));
  EXPECT_TRUE(fs::is_empty(folder_ / "elsewhere"));
  fs::remove(state_);
  std::ofstream{state_} << "x";
  const auto file = UndoJournal::create(state_);
  ASSERT_TRUE(file.has_error());
  EXPECT_EQ(file.error().kind, ErrorKind::usage);
  EXPECT_EQ(content(state_), "x");
}

TEST_F(UndoJournalTest, RefusesAFolderOfAnotherUser) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a folder away";
  fs::create_directory(state_);
  ASSERT_EQ(chown(state_.c_str(), 65534, 65534), 0);
  const auto journal = UndoJournal::create(state_);
  ASSERT_TRUE(journal.has_error());
  EXPECT_EQ(journal.error().kind, ErrorKind::usage);
  EXPECT_THAT(journal.error().context, testing::HasSubstr("is not a folder of this user"));
  EXPECT_TRUE(fs::is_empty(state_));
}

TEST_F(UndoJournalTest, OutgrowsItsPreallocationWithoutLosingARecord) {
  constexpr int many = 200;
  {
    auto journal = create();
    for (int i = 0; i < many; ++i) ASSERT_TRUE(journal.append(fault_record(std::string(1000, 'x'))));
    ASSERT_TRUE(journal.settle(1));
  }
  EXPECT_GT(fs::file_size(journals_in(state_).at(0)), std::size_t{64} * 1024);
  EXPECT_EQ(clean_up_after_the_dead(state_).undone, many - 1);
}

TEST_F(UndoJournalTest, SaysWhenTheDiskIsFullAndKeepsWhatWasOwedBefore) {
  const test::Fork agent{[&] {
    const rlimit full{std::size_t{64} * 1024, std::size_t{64} * 1024};
    if (setrlimit(RLIMIT_FSIZE, &full) != 0) _exit(201);
    std::signal(SIGXFSZ, SIG_IGN);
    auto journal = UndoJournal::create(state_);
    if (!journal) _exit(202);
    int appended = 0;
    auto result = journal.value().append(fault_record(std::string(1000, 'x')));
    for (; result.has_value(); result = journal.value().append(fault_record(std::string(1000, 'x')))) ++appended;
    if (result.error().kind != ErrorKind::lost) _exit(203);
    // The record that failed was not acted upon, and its half line is written over.
    if (journal.value().open().size() != static_cast<std::size_t>(appended)) _exit(204);
    if (!journal.value().settle(1)) _exit(205);
    _exit(appended);
  }};
  const int appended = agent.exit_code();
  ASSERT_GT(appended, 10);
  ASSERT_LE(appended, 200);
  const auto cleaned = clean_up_after_the_dead(state_);
  EXPECT_EQ(cleaned.journals, 1);
  EXPECT_EQ(cleaned.undone, appended - 1);
  EXPECT_THAT(cleaned.problems, testing::IsEmpty());
}

TEST(StateFolderTest, IsTheOneThatWasChosen) {
  const char* before = std::getenv("TROOP_STATE_DIR");
  const std::string restore = before == nullptr ? "" : before;
  ::setenv("TROOP_STATE_DIR", "/some/where", 1);
  EXPECT_EQ(state_folder(), "/some/where");
  ::setenv("TROOP_STATE_DIR", "", 1);
  EXPECT_TRUE(state_folder().is_absolute());
  if (geteuid() == 0) {
    EXPECT_EQ(state_folder(), "/run/troop");
  }
  if (before == nullptr)
    ::unsetenv("TROOP_STATE_DIR");
  else
    ::setenv("TROOP_STATE_DIR", restore.c_str(), 1);
}

}  // namespace
}  // namespace troop::agents
