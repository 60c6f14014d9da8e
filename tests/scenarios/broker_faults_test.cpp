// The library's scenarios of faults that steer the broker, run as a user runs them: the fault is proven and undone, its
// clients see what the catalogue says, and nothing is left behind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/outcome_rows.hpp"
#include "tests/support/troop_test.hpp"

namespace troop::test {
namespace {

using testing::HasSubstr;

constexpr Duration run_max = 150s;
constexpr const char* blocked = R"("value":"blocked")";
constexpr const char* unblocked = R"("value":"unblocked")";
constexpr const char* lost_connection = R"("f":"connection","value":"lost")";
constexpr const char* cancelled = R"("value":"cancelled")";
constexpr const char* channel_closed = R"("value":"channel-closed")";
constexpr const char* nacked = R"("error":"nack")";
constexpr const char* returned = R"("error":"returned")";

struct Case {
  const char* name;
  const char* scenario;
  const char* proof;  ///< Part of what the agent proved.
  Outcome outcome;
  std::vector<const char*> seen;  ///< What clients saw, as the history has it.
  std::vector<const char*> not_seen = {};
  friend void PrintTo(const Case& c, std::ostream* out) { *out << c.scenario; }
};

class BrokerFaultsTest : public TroopTest<testing::TestWithParam<Case>> {};

TEST_P(BrokerFaultsTest, IsProvenSeenByClientsAndUndone) {
  const auto& expected = GetParam();
  TroopCommand troop{world_, run_arguments(expected.scenario)};
  ASSERT_EQ(troop.exit_code(run_max), 0) << everything(troop);

  const auto document = run_json(world_);
  const auto& fault = document.at("faults").at(0).as_object();
  EXPECT_EQ(fault.at("outcome").as_string(), "proven");
  EXPECT_THAT(std::string{fault.at("proof").as_string()}, HasSubstr(expected.proof));
  EXPECT_TRUE(fault.at("restored_ns").is_int64()) << boost::json::serialize(fault);
  EXPECT_GT(count_of(document, "delivery", "confirmed"), 1000);
  EXPECT_EQ(judgement(document, "exercised").at("outcome").as_string(), "holds");

  const std::string history = slurp(world_.run_directory() / "history.ndjson");
  for (const char* seen : expected.seen) EXPECT_NE(history.find(seen), std::string::npos) << seen;
  for (const char* seen : expected.not_seen) EXPECT_EQ(history.find(seen), std::string::npos) << seen;
  expect_outcome(world_, expected.scenario, expected.outcome);
  expect_nothing_left();
}

constexpr Seen always = Seen::always, maybe = Seen::maybe;

/// Certainly failed: a return proves that no queue took the message, whatever the confirm says that follows it.
std::int64_t count_failed(const World&, const boost::json::value& judged) {
  return count_or_0(judged, "delivery", "failed");
}

INSTANTIATE_TEST_SUITE_P(
    Library, BrokerFaultsTest,
    testing::ValuesIn(std::vector<Case>{
        {"stop_app",
         "broker/stop-app",
         "AMQP is refused",
         {.rows = {1}, .duplicated = maybe, .redelivered = maybe},
         {lost_connection}},
        {"suspend_listeners",
         "broker/suspend-listeners",
         "refused",
         {.rows = {25}},
         {},
         {lost_connection, channel_closed}},
        {"close_connections",
         "broker/close-connections",
         "4 connections",
         {.rows = {1, 3}, .duplicated = maybe, .redelivered = maybe},
         {lost_connection}},
        {"close_channel",
         "broker/close-channel",
         "4 channels",
         {.rows = {3}, .duplicated = maybe, .redelivered = maybe},
         {channel_closed},
         {lost_connection}},
        {"memory_alarm",
         "broker/memory-alarm",
         "before 0.4",
         {.rows = {20}, .duplicated = maybe},
         {blocked, unblocked},
         {lost_connection}},
        {"disk_alarm",
         "broker/disk-alarm",
         "before 50000000",
         {.rows = {20}, .duplicated = maybe},
         {blocked, unblocked},
         {lost_connection}},
        {"full_disk",
         "resource/full-disk",
         "MiB are taken",
         {.rows = {20}, .duplicated = maybe},
         {blocked, unblocked},
         {lost_connection}},
        {"queue_full", "broker/queue-full", "then reject-publish", {.rows = {19}}, {nacked}, {lost_connection}},
        {"queue_full_drop_head",
         "broker/queue-full-drop-head",
         "then drop-head",
         {.rows = {18}, .lost = always},
         {},
         {nacked}},
        {"policy", "broker/policy", "message-ttl", {.rows = {17}, .lost = always}, {}, {lost_connection, nacked}},
        {"clock_ahead",
         "broker/clock-ahead",
         "s of this machine's",
         {.rows = {17}, .lost = always},
         {},
         {lost_connection, nacked}},
        {"purge",
         "broker/purge",
         "thrown away",
         {.rows = {25}, .lost = always},
         {},
         {lost_connection, nacked, cancelled}},
        {"delete_queue",
         "broker/delete-queue",
         "was deleted",
         {.rows = {23}, .lost = always, .duplicated = maybe, .redelivered = maybe},
         {cancelled},
         {lost_connection}},
        {"delete_exchange",
         "broker/delete-exchange",
         "was deleted",
         {.rows = {25}, .duplicated = maybe},
         {channel_closed}},
        {"delete_binding",
         "broker/delete-binding",
         "1 binding ",
         {.rows = {4}, .more = {{"returned", always, count_failed}}},
         {returned},
         {lost_connection}},
        {"delete_binding_unnoticed",
         "broker/delete-binding-unnoticed",
         "1 binding ",
         {.rows = {4}, .lost = always},
         {},
         {returned}},
    }),
    [](const auto& each) { return std::string{each.param.name}; });

TEST_F(BrokerFaultsTest, CutsOffOneWorkerAndNoOther) {
  const fs::path file = world_.root() / "one-worker.toml";
  std::string text = slurp(TROOP_SOURCE_DIR "/scenarios/library/broker/close-connections.toml");
  const auto step = text.find("[[step]]");
  text.replace(step, text.find("[[invariant]]") - step, R"(
[[step]]
at = "1s"
fault = "broker.close_connections"
target = "consumer-1"
for = "1500ms"

[[step]]
at = "3s"
fault = "broker.close_channel"
target = "producer-2"
for = "1500ms"
)");
  std::ofstream{file} << text;
  TroopCommand troop{world_, run_arguments(file.string())};
  ASSERT_EQ(troop.exit_code(run_max), 0) << everything(troop);
  const auto document = run_json(world_);
  EXPECT_THAT(std::string{document.at("faults").at(0).at("proof").as_string()}, HasSubstr("1 connection: consumer-1"));
  EXPECT_THAT(std::string{document.at("faults").at(1).at("proof").as_string()}, HasSubstr("1 channel: producer-2"));
  std::istringstream history{slurp(world_.run_directory() / "history.ndjson")};
  for (std::string line; std::getline(history, line);) {
    if (line.find(lost_connection) != std::string::npos) {
      EXPECT_THAT(line, HasSubstr(R"("process":"consumer-1")"));
    }
    if (line.find(channel_closed) != std::string::npos) {
      EXPECT_THAT(line, HasSubstr(R"("process":"producer-2")"));
    }
  }
  expect_nothing_left();
}

/// Nothing was changed, and that is not taken for a test.
TEST_F(BrokerFaultsTest, IsInconclusiveWhereTheFaultCouldNotShow) {
  TroopCommand troop{world_, run_arguments("broker/purge", {"invariant.0.expect=[]", "invariant.1.expect=[]",
                                                            "workload.rate=50", "step.0.queue=\"troop.nowhere\""})};
  EXPECT_EQ(troop.exit_code(run_max), 3) << everything(troop);
  EXPECT_THAT(everything(troop), HasSubstr("there is no queue 'troop.nowhere'"));
  EXPECT_EQ(run_json(world_).at("faults").at(0).at("outcome").as_string(), "not proven");
  expect_nothing_left();
}

TEST_F(BrokerFaultsTest, LeavesNothingWhenItIsInterruptedInABrokerFault) {
  TroopCommand troop{world_, run_arguments("broker/suspend-listeners", {"step.0.for=60s"})};
  ASSERT_TRUE(troop.says("broker.suspend_listeners on broker", 60s)) << everything(troop);
  troop.signal(SIGINT);  // while the broker is being asked
  EXPECT_EQ(troop.exit_code(30s), 130) << everything(troop);
  expect_nothing_left();
}

}  // namespace
}  // namespace troop::test
