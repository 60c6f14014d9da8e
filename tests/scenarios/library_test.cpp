// The library's gates, run as a user runs them, with every document that a run writes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/troop_run.hpp"

namespace troop::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr Duration run_max = 150s;

struct LibraryCase {
  const char* name;
  const char* scenario;
  const char* anomaly;  ///< Of `delivery`, that must show; nullptr: none may.
  friend void PrintTo(const LibraryCase& c, std::ostream* out) { *out << c.scenario; }
};

class LibraryTest : public testing::TestWithParam<LibraryCase> {
 protected:
  void expect_nothing_left() {
    EXPECT_TRUE(eventually([&] { return world_.processes().empty(); }, 1s)) << "processes are left";
    EXPECT_THAT(world_.leftovers(), IsEmpty());
  }
  std::string everything(const TroopCommand& troop) { return troop.output() + troop.errors(); }

  World world_;
};

TEST_P(LibraryTest, EndsAsItsHypothesisSays) {
  const auto& expected = GetParam();
  TroopCommand troop{world_, {"run", expected.scenario, "--out", world_.run_directory().string(), "--seed", "7"}};
  ASSERT_EQ(troop.exit_code(run_max), 0) << everything(troop);

  const auto document = run_json(world_);
  EXPECT_EQ(document.at("verdict").as_string(), "pass");
  EXPECT_GT(count_of(document, "delivery", "confirmed"), 1000);
  for (const char* kind : {"lost", "unexpected", "aborted"}) {
    const auto count = count_of(document, "delivery", kind);
    if (expected.anomaly != nullptr && std::string_view{expected.anomaly} == kind) {
      EXPECT_GT(count, 0) << kind;
    } else {
      EXPECT_EQ(count, 0) << kind;
    }
  }
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
  EXPECT_EQ(verify.exit_code(30s), 0) << everything(verify);
  EXPECT_EQ(boost::json::serialize(boost::json::parse(verify.output()).at("invariants")), recorded);
}

INSTANTIATE_TEST_SUITE_P(Broker, LibraryTest,
                         testing::ValuesIn(std::vector<LibraryCase>{
                             {"stop", "broker/stop", nullptr},
                             {"kill", "broker/kill", nullptr},
                             {"pause", "broker/pause", nullptr},
                             {"restart", "broker/restart", nullptr},
                             {"kill_transient", "broker/kill-transient", "lost"},
                             {"kill_consumer_no_ack", "broker/kill-consumer-no-ack", "lost"},
                         }),
                         [](const auto& each) { return std::string{each.param.name}; });

}  // namespace
}  // namespace troop::test
