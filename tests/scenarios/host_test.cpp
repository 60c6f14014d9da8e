// The library's scenarios of faults on processes and on what the machine has, as a user runs them: each fault is proven
// and undone, and what becomes of the messages stands beside what was expected.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/outcome_rows.hpp"
#include "tests/support/troop_test.hpp"

namespace troop::test {
namespace {

constexpr Duration run_max = 150s;
constexpr Seen maybe = Seen::maybe;

struct Case {
  const char* name;
  const char* scenario;
  Outcome outcome;
  friend void PrintTo(const Case& c, std::ostream* out) { *out << c.scenario; }
};

class HostTest : public TroopTest<testing::TestWithParam<Case>> {};

TEST_P(HostTest, IsProvenUndoneAndLosesNothing) {
  TroopCommand troop{world_, run_arguments(GetParam().scenario)};
  ASSERT_EQ(troop.exit_code(run_max), 0) << everything(troop);
  const auto document = run_json(world_);
  for (const auto& fault : document.at("faults").as_array()) {
    EXPECT_EQ(fault.at("outcome").as_string(), "proven") << boost::json::serialize(fault);
    EXPECT_TRUE(fault.at("restored_ns").is_int64()) << boost::json::serialize(fault);
  }
  EXPECT_GT(count_of(document, "delivery", "confirmed"), 1000);
  EXPECT_EQ(judgement(document, "exercised").at("outcome").as_string(), "holds");
  expect_outcome(world_, GetParam().scenario, GetParam().outcome);
  expect_nothing_left();
}

INSTANTIATE_TEST_SUITE_P(
    Library, HostTest,
    testing::ValuesIn(std::vector<Case>{
        {"paused_consumer", "process/paused-consumer", {.rows = {25}, .duplicated = maybe, .redelivered = maybe}},
        {"busy_neighbour", "resource/busy-neighbour", {.rows = {25}, .duplicated = maybe}},
    }),
    [](const auto& each) { return std::string{each.param.name}; });

}  // namespace
}  // namespace troop::test
