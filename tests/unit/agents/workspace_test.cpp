#include "agents/host/workspace.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "tests/support/temporary_folder.hpp"

namespace troop::agents {
namespace {

namespace fs = std::filesystem;

std::string content(const fs::path& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

unsigned mode_of(const fs::path& path) {
  struct stat status {};
  return lstat(path.c_str(), &status) == 0 ? status.st_mode & 07777U : 0;
}

TEST(WorkspaceTest, IsPrivateAndGoneWithAllItHolds) {
  const auto chosen = Workspace::choose();
  ASSERT_TRUE(chosen);
  EXPECT_FALSE(fs::exists(chosen.value())) << "choosing changes nothing: the journal comes first";
  {
    const auto workspace = Workspace::create(chosen.value());
    ASSERT_TRUE(workspace) << workspace.error().context;
    EXPECT_EQ(workspace.value().path(), chosen.value());
    EXPECT_EQ(mode_of(chosen.value()), 0700U);
    fs::create_directories(chosen.value() / "a/b");
    std::ofstream{chosen.value() / "a/b/c"} << "x";
  }
  EXPECT_FALSE(fs::exists(chosen.value()));
}

TEST(WorkspaceTest, IsNeverChosenTwiceNorTakenFromAnother) {
  const auto one = Workspace::choose().value();
  EXPECT_NE(one, Workspace::choose().value());
  const auto mine = Workspace::create(one);
  ASSERT_TRUE(mine);
  const auto theirs = Workspace::create(one);
  ASSERT_TRUE(theirs.has_error());
  EXPECT_EQ(theirs.error().kind, ErrorKind::usage);
  EXPECT_EQ(theirs.error().context, one.string() + ": File exists");
  EXPECT_TRUE(fs::exists(one)) << "the failure removed what was not its own";
}

TEST(WorkspaceTest, IsAbsoluteAndNowhereThatAShellWouldRun) {
  const testing_support::TemporaryFolder folder;
  const char* const before = std::getenv("TMPDIR");
  const std::string kept = before == nullptr ? "" : before;
  for (const char* bad : {"a$(true)", "a'b", "a\"b", "a`b`", "a\nb"}) {
    fs::create_directory(folder.path() / bad);
    setenv("TMPDIR", (folder.path() / bad).c_str(), 1);
    const auto refused = Workspace::choose();
    EXPECT_TRUE(refused.has_error() && refused.error().kind == ErrorKind::usage) << bad;
  }
  fs::create_directory(folder.path() / "with space");
  setenv("TMPDIR", (folder.path() / "with space/../with space/").c_str(), 1);
  const auto chosen = Workspace::choose();
  if (before == nullptr)
    unsetenv("TMPDIR");
  else
    setenv("TMPDIR", kept.c_str(), 1);
  ASSERT_TRUE(chosen);
  EXPECT_EQ(chosen.value().parent_path(), fs::canonical(folder.path()) / "with space");
}

TEST(WorkspaceTest, HasOneOwnerWhenMoved) {
  auto second = Workspace::create(Workspace::choose().value()).value();
  const fs::path replaced = second.path();
  fs::path kept;
  {
    auto first = Workspace::create(Workspace::choose().value()).value();
    kept = first.path();
    second = std::move(first);
  }
  EXPECT_FALSE(fs::exists(replaced));
  EXPECT_EQ(second.path(), kept);
  EXPECT_TRUE(fs::exists(kept));
  Workspace third{std::move(second)};
  EXPECT_TRUE(fs::exists(kept));
  third.remove();
  third.remove();
  EXPECT_FALSE(fs::exists(kept));
}

TEST(WorkspaceTest, DoesNotFollowLinksOutOfItself) {
  const testing_support::TemporaryFolder outside;
  std::ofstream{outside / "precious"} << "x";
  {
    const auto workspace = Workspace::create(Workspace::choose().value()).value();
    fs::create_directory_symlink(outside.path(), workspace.path() / "link");
  }
  EXPECT_TRUE(fs::exists(outside / "precious"));
}

TEST(AbandonedWorkspaceTest, IsRemovedAndMayBeGoneAlready) {
  const testing_support::TemporaryFolder folder;
  const fs::path abandoned = folder / "troop-agent-0123456789ab";
  fs::create_directories(abandoned / "mnesia");
  std::ofstream{abandoned / "mnesia/file"} << "x";
  EXPECT_TRUE(remove_abandoned_workspace(abandoned));
  EXPECT_FALSE(fs::exists(abandoned));
  EXPECT_TRUE(remove_abandoned_workspace(abandoned));
  EXPECT_TRUE(remove_abandoned_workspace(Workspace::choose().value())) << "the shape is what choose() makes";
}

struct NotOurs {
  const char* name;
  const char* path;  ///< "@" stands for the test's folder.
};

void PrintTo(const NotOurs& c, std::ostream* out) { *out << c.name; }

class NotOurWorkspaceTest : public testing::TestWithParam<NotOurs> {};

TEST_P(NotOurWorkspaceTest, IsNeverRemoved) {
  const testing_support::TemporaryFolder folder;
  std::string text = GetParam().path;
  if (text.starts_with("@")) text.replace(0, 1, folder.path().string());
  const fs::path path{text};
  const bool inside = text.starts_with(folder.path().string());
  if (inside) {
    fs::create_directory(folder / "x");
    fs::create_directories(path);
    std::ofstream{path / "precious"} << "x";
  }
  const auto removed = remove_abandoned_workspace(path);
  ASSERT_TRUE(removed.has_error());
  EXPECT_EQ(removed.error().kind, ErrorKind::unrestored);
  EXPECT_THAT(removed.error().context, testing::HasSubstr("it stays"));
  if (inside) {
    EXPECT_TRUE(fs::exists(path / "precious"));
  }
}

INSTANTIATE_TEST_SUITE_P(, NotOurWorkspaceTest,
                         testing::ValuesIn(std::vector<NotOurs>{
                             {"nothing", ""},
                             {"root", "/"},
                             {"here", "."},
                             {"parent", ".."},
                             {"relative", "troop-agent-0123456789ab"},
                             {"another_name", "@/mine"},
                             {"a_longer_name", "@/troop-agent-0123456789abc"},
                             {"a_shorter_name", "@/troop-agent-0123456789a"},
                             {"a_name_of_a_person", "@/troop-agent-my-documents"},
                             {"capitals", "@/troop-agent-0123456789AB"},
                             {"only_in_the_middle", "@/troop-agent-0123456789ab/data"},
                             {"a_detour", "@/x/../troop-agent-0123456789ab"},
                             {"a_dot", "@/./troop-agent-0123456789ab"},
                             {"a_slash_behind", "@/troop-agent-0123456789ab/"},
                             {"dots_behind", "@/troop-agent-0123456789ab/.."},
                         }),
                         [](const auto& each) { return std::string{each.param.name}; });

TEST(AbandonedWorkspaceTest, IsAFolderAndNoLinkToOne) {
  const testing_support::TemporaryFolder folder;
  fs::create_directory(folder / "target");
  std::ofstream{folder / "target/precious"} << "x";
  const fs::path link = folder / "troop-agent-0123456789ab";
  fs::create_directory_symlink(folder / "target", link);
  EXPECT_TRUE(remove_abandoned_workspace(link).has_error());
  EXPECT_TRUE(fs::exists(folder / "target/precious"));
  const fs::path file = folder / "troop-agent-ffffffffffff";
  std::ofstream{file} << "x";
  EXPECT_TRUE(remove_abandoned_workspace(file).has_error());
  EXPECT_TRUE(fs::exists(file));
}

TEST(AbandonedWorkspaceTest, BelongsToThisUser) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a folder away";
  const testing_support::TemporaryFolder folder;
  const fs::path path = folder / "troop-agent-0123456789ab";
  fs::create_directory(path);
  ASSERT_EQ(chown(path.c_str(), 65534, 65534), 0);
  const auto removed = remove_abandoned_workspace(path);
  ASSERT_TRUE(removed.has_error());
  EXPECT_EQ(removed.error().kind, ErrorKind::unrestored);
  EXPECT_TRUE(fs::exists(path));
}

TEST(PrivateFileTest, ReplacesWhatWasThereWithoutFollowingIt) {
  const testing_support::TemporaryFolder folder;
  const fs::path file = folder / "conf";
  ASSERT_TRUE(write_private(file, "one\n"));
  EXPECT_EQ(content(file), "one\n");
  EXPECT_EQ(mode_of(file), 0600U);
  ASSERT_TRUE(write_private(file, "two", 0400));
  EXPECT_EQ(content(file), "two");
  EXPECT_EQ(mode_of(file), 0400U);
  std::ofstream{folder / "precious"} << "x";
  fs::create_symlink(folder / "precious", folder / "link");
  ASSERT_TRUE(write_private(folder / "link", "three"));
  EXPECT_EQ(content(folder / "precious"), "x");
  EXPECT_EQ(content(folder / "link"), "three");
  const auto nowhere = write_private(folder / "missing/conf", "x");
  ASSERT_TRUE(nowhere.has_error());
  EXPECT_THAT(nowhere.error().context, testing::HasSubstr("missing/conf: No such file or directory"));
}

TEST(SealedMemoryTest, CanBeReadButNeverChanged) {
  const auto memory = sealed_memory("secret");
  ASSERT_TRUE(memory) << memory.error().context;
  const int fd = memory.value().get();
  std::array<char, 16> got{};
  ASSERT_EQ(read(fd, got.data(), got.size()), 6) << "from its begin";
  EXPECT_EQ((std::string{got.data(), 6}), "secret");
  EXPECT_EQ(pwrite(fd, "x", 1, 0), -1);
  EXPECT_EQ(ftruncate(fd, 0), -1);
  EXPECT_EQ(mmap(nullptr, 6, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
  EXPECT_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1) << "not even the seals";
  EXPECT_NE(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0) << "no child gets it unasked";
}

}  // namespace
}  // namespace troop::agents
