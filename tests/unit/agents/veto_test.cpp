// The file that stops everything: it counts whatever it is, and what it says is shown to nobody's harm.
#include "agents/veto.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <fstream>

#include "tests/support/temporary_folder.hpp"

namespace troop::agents {
namespace {

namespace fs = std::filesystem;

class VetoTest : public testing::Test {
 protected:
  std::string said() {
    const auto asked = not_vetoed(folder_.path());
    return asked.has_error() ? asked.error().context : "";
  }
  testing_support::TemporaryFolder folder_;
  const fs::path path_ = folder_ / "veto";
  const std::string bare_ = "vetoed by " + path_.string();
};

TEST_F(VetoTest, IsTheFileAndItsFirstLineTheReason) {
  EXPECT_EQ(said(), "");
  std::ofstream{path_} << "release night, ask Ann\nmore\n";
  EXPECT_EQ(said(), bare_ + ": release night, ask Ann");
  EXPECT_EQ(not_vetoed(folder_.path()).error().kind, ErrorKind::usage);
  fs::remove(path_);
  EXPECT_EQ(said(), "");
}

TEST_F(VetoTest, NeedsNoReasonAndNoRegularFile) {
  std::ofstream{path_} << "";
  EXPECT_EQ(said(), bare_);
  fs::remove(path_);
  fs::create_symlink("/nowhere", path_);
  EXPECT_EQ(said(), bare_);
  fs::remove(path_);
  fs::create_directory(path_);
  EXPECT_EQ(said(), bare_);
  fs::remove(path_);
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  EXPECT_EQ(said(), bare_) << "and nobody waits for a writer";
}

TEST_F(VetoTest, TellsNothingThatATerminalWouldObey) {
  std::ofstream{path_} << "\033[2Jgone" << std::string(5000, 'x');
  EXPECT_EQ(said().substr(0, bare_.size() + 12), bare_ + ": ?[2Jgonexx");
  EXPECT_LT(said().size(), bare_.size() + 210);
}

}  // namespace
}  // namespace troop::agents
