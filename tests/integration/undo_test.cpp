// `troop-agent undo` and `status` where what is owed cannot be read.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/troop_test.hpp"

namespace troop::test {
namespace {

using testing::HasSubstr;

class UndoTest : public TroopTest<testing::Test> {};

TEST_F(UndoTest, CallsNoHostCleanWhereWhatIsOwedCannotBeRead) {
  const fs::path journal = world_.root() / "state/agent-1-00000000.journal";
  fs::create_directories(journal.parent_path());
  std::ofstream{journal} << "";
  fs::resize_file(journal, 5 * 1024 * 1024);  // larger than any that was ever written
  for (const char* whose : {"--all", "--dead"}) {
    TroopCommand undo{world_, {"undo", whose}, {}, "troop-agent"};
    EXPECT_EQ(undo.exit_code(30s), 4) << whose << everything(undo);
    EXPECT_THAT(everything(undo), HasSubstr("too large for a journal"));
  }
  TroopCommand status{world_, {"status", "--json"}, {}, "troop-agent"};
  EXPECT_EQ(status.exit_code(10s), 2) << everything(status);
  fs::remove(journal);
  TroopCommand undo{world_, {"undo", "--all"}, {}, "troop-agent"};
  EXPECT_EQ(undo.exit_code(30s), 0) << everything(undo);
  expect_nothing_left();
}

}  // namespace
}  // namespace troop::test
