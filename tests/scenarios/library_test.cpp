// The library's gates, run as a user runs them, with every document that a run writes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/outcome_rows.hpp"
#include "tests/support/troop_test.hpp"

namespace troop::test {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr Duration run_max = 150s;

struct LibraryCase {
  const char* name;
  const char* scenario;
  Outcome outcome;
  std::vector<std::string> shorter = {};  ///< What is set to make it so.
  friend void PrintTo(const LibraryCase& c, std::ostream* out) { *out << c.scenario; }
};

class LibraryTest : public TroopTest<testing::TestWithParam<LibraryCase>> {};

TEST_P(LibraryTest, EndsAsItsHypothesisSays) {
  const auto& expected = GetParam();
  TroopCommand troop{world_, run_arguments(expected.scenario, expected.shorter)};
  ASSERT_EQ(troop.exit_code(run_max), 0) << everything(troop);

  const auto document = run_json(world_);
  EXPECT_EQ(document.at("verdict").as_string(), "pass");
  EXPECT_GT(count_of(document, "delivery", "confirmed"), 1000);
  EXPECT_EQ(judgement(document, "exercised").at("outcome").as_string(), "holds");
  EXPECT_THAT(slurp(world_.run_directory() / "report.html"), HasSubstr("<html"));
  EXPECT_THAT(slurp(world_.run_directory() / "junit.xml"), HasSubstr(R"(failures="0" errors="0")"));
  EXPECT_THAT(slurp(world_.run_directory() / "summary.md"), ::testing::StartsWith("## PASS: "));
  EXPECT_THAT(slurp(world_.run_directory() / "summary.md"), Not(HasSubstr(world_.root().string())));

  const fs::path evidence = world_.run_directory() / "evidence";
  const auto manifest = boost::json::parse(slurp(evidence / "manifest.json"));
  EXPECT_TRUE(manifest.at("missing").as_array().empty()) << boost::json::serialize(manifest);
  EXPECT_THAT(slurp(evidence / "broker.log"), HasSubstr("accepting AMQP connection"));
  EXPECT_THAT(slurp(evidence / "broker-output.log"), HasSubstr("##########"));
  const auto facts = boost::json::parse(slurp(evidence / "facts.json"));
  EXPECT_THAT(std::string{facts.at("versions").at("broker platform").as_string()}, HasSubstr("Erlang"));
  EXPECT_GT(facts.at("faults").at(0).at("victim_pid").as_int64(), 1);
  EXPECT_EQ(document.at("excerpts").as_array().size(), document.at("faults").as_array().size());
  EXPECT_FALSE(document.at("depths").at(0).at("depth").as_array().empty());
  EXPECT_GT(document.at("series").at("connections").at(1).as_int64(), 0);
  expect_nothing_left();

  // Stored evidence judged again gives the same verdict.
  const std::string recorded = boost::json::serialize(document.at("invariants"));
  TroopCommand verify{
      world_,
      {"verify", (world_.run_directory() / "history.ndjson").string(), "--invariants",
       std::string{TROOP_SOURCE_DIR "/scenarios/library/"} + expected.scenario + ".toml", "--format", "json"}};
  EXPECT_EQ(verify.exit_code(90s), 0) << everything(verify);
  EXPECT_EQ(boost::json::serialize(boost::json::parse(verify.output()).at("invariants")), recorded);
  expect_outcome(world_, expected.scenario, expected.outcome);
}

constexpr Seen always = Seen::always, maybe = Seen::maybe;

INSTANTIATE_TEST_SUITE_P(Broker, LibraryTest,
                         testing::ValuesIn(std::vector<LibraryCase>{
                             {"stop",
                              "broker/stop",
                              {.rows = {6, 7}, .duplicated = maybe, .redelivered = maybe},
                              {"duration=6s", "step.0.at=2s", "step.0.for=2s", "workload.rate=500"}},
                             {"kill", "broker/kill", {.rows = {1, 6, 7}, .duplicated = maybe, .redelivered = maybe}},
                             {"pause", "broker/pause", {.rows = {25}}},
                             {"restart", "broker/restart", {.rows = {5}, .duplicated = maybe, .redelivered = maybe}},
                             {"kill_transient",
                              "broker/kill-transient",
                              {.rows = {6}, .lost = always, .duplicated = maybe, .redelivered = maybe}},
                             {"kill_consumer_no_ack", "broker/kill-consumer-no-ack", {.rows = {10}, .lost = always}},
                         }),
                         [](const auto& each) { return std::string{each.param.name}; });

}  // namespace
}  // namespace troop::test
