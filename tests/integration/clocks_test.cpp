// Every process of a run counts time by the same clock: an agent that does not is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/troop_test.hpp"

namespace troop::test {
namespace {

using testing::HasSubstr;

class ClocksTest : public TroopTest<testing::Test> {};

TEST_F(ClocksTest, OfAnotherKindAreRefused) {
  const fs::path script = world_.root() / "agent";
  std::ofstream{script} << "#!/bin/sh\nexec unshare --time --fork --monotonic 1000 " << TROOP_BIN_DIR "/troop-agent"
                        << " \"$@\"\n";
  fs::permissions(script, fs::perms::owner_all);
  TroopCommand troop{world_, run_arguments("broker/stop"), {"TROOP_AGENT=" + script.string()}};
  EXPECT_EQ(troop.exit_code(60s), 2) << everything(troop);
  EXPECT_THAT(everything(troop), HasSubstr("the agent counts time since another boot or in another time namespace"));
  expect_nothing_left();
}

}  // namespace
}  // namespace troop::test
