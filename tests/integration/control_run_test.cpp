// troop run --control: the same without its faults first, on a real RabbitMQ.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/troop_test.hpp"

namespace troop::test {
namespace {

using testing::HasSubstr;

constexpr Duration run_max = 150s;

class ControlRunTest : public TroopTest<testing::Test> {
 protected:
  std::vector<std::string> arguments(const std::string& scenario, const std::vector<std::string>& sets) {
    auto out = run_arguments(scenario, sets);
    out.emplace_back("--control");
    return out;
  }
};

TEST_F(ControlRunTest, PassesWhereOnlyTheFaultLoses) {
  TroopCommand troop{world_, arguments("broker/kill-consumer-no-ack", {"duration=4s", "step.0.at=2s"})};
  ASSERT_EQ(troop.exit_code(run_max), 0) << everything(troop);
  const auto document = run_json(world_);
  EXPECT_GT(count_of(document, "delivery", "lost"), 0);
  EXPECT_EQ(judgement(document, "control").at("outcome").as_string(), "holds");

  const fs::path folder = world_.run_directory() / "control";
  const auto control = boost::json::parse(slurp(folder / "run.json"));
  EXPECT_EQ(control.at("verdict").as_string(), "pass");
  EXPECT_TRUE(control.at("faults").as_array().empty());
  EXPECT_EQ(count_of(control, "delivery", "lost"), 0);
  EXPECT_GT(count_of(control, "delivery", "delivered"), 1000);
  expect_nothing_left();

  // Stored evidence judged again gives the same verdict.
  TroopCommand verify{world_,
                      {"verify", (world_.run_directory() / "history.ndjson").string(), "--invariants",
                       std::string{TROOP_SOURCE_DIR "/scenarios/library/broker/kill-consumer-no-ack.toml"}, "--control",
                       (folder / "history.ndjson").string(), "--format", "json"}};
  EXPECT_EQ(verify.exit_code(30s), 0) << everything(verify);
  EXPECT_EQ(boost::json::serialize(boost::json::parse(verify.output()).at("invariants")),
            boost::json::serialize(document.at("invariants")));
}

TEST_F(ControlRunTest, FailsWhereTheSettingsLoseWithoutAnyFault) {
  // The queue is so short that it drops messages all the time; the fault is innocent.
  TroopCommand troop{
      world_, arguments("broker/kill-consumer-no-ack", {"duration=3s", "step.0.at=1s", "workload.queue.max_length=10",
                                                        "workload.consume.ack=manual", "workload.consume.prefetch=5"})};
  ASSERT_EQ(troop.exit_code(run_max), 1) << everything(troop);
  const auto document = run_json(world_);
  EXPECT_EQ(judgement(document, "control").at("outcome").as_string(), "violated");
  EXPECT_EQ(judgement(document, "delivery").at("outcome").as_string(), "violated");
  EXPECT_TRUE(judgement(document, "delivery").at("anomalies").at(0).at("during").as_array().empty());
  EXPECT_THAT(slurp(world_.run_directory() / "summary.md"), HasSubstr("without any fault"));
  expect_nothing_left();
}

TEST_F(ControlRunTest, IsRefusedWhereThereIsNoFaultToLeaveOut) {
  TroopCommand troop{world_, arguments("loss-points/nothing-bound", {})};
  EXPECT_EQ(troop.exit_code(10s), 2);
  EXPECT_THAT(troop.errors(), HasSubstr("has no faults"));
  EXPECT_FALSE(fs::exists(world_.run_directory()));
}

}  // namespace
}  // namespace troop::test
