// Every process of a run counts time by the same clock; the history says so of each, and an agent that does not is
// refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "common/clock.hpp"
#include "tests/support/troop_test.hpp"

namespace troop::test {
namespace {

using testing::HasSubstr;

class ClocksTest : public TroopTest<testing::Test> {};

TEST_F(ClocksTest, AreRecordedForEachProcessThatTheHistoryNames) {
  TroopCommand troop{world_, run_arguments("broker/stop", {"duration=4s", "step.0.at=1s", "step.0.for=1s"})};
  troop.exit_code(150s);
  std::istringstream history{slurp(world_.run_directory() / "history.ndjson")};
  std::set<std::string> known, seen;
  for (std::string line; std::getline(history, line);) {
    const auto event = boost::json::parse(line).as_object();
    const std::string process{event.at("process").as_string()};
    if (event.at("f").as_string() == "clock") {
      EXPECT_EQ(event.at("offset").as_int64(), 0) << line;
      EXPECT_EQ(event.at("bound").as_int64(), 0) << line;
      EXPECT_EQ(event.at("source").as_string(), clock_source()) << line;
      known.insert(process);
    } else {
      seen.insert(process);
    }
  }
  EXPECT_THAT(seen, testing::IsSupersetOf({"controller", "agent-local", "producer-1", "consumer-1"}));
  EXPECT_THAT(known, testing::IsSupersetOf(seen));
  expect_nothing_left();
}

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
