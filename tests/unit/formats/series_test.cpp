#include "reports/formats/series.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace troop::formats {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Numbers the lines as a history must; each holds the fields after index and time.
class History {
 public:
  History& add(std::int64_t time_ms, const std::string& fields) {
    text_ += fmt::format("{{\"index\":{},\"time\":{},{}}}\n", next_++, time_ms * 1'000'000, fields);
    return *this;
  }
  History& publish(std::int64_t time_ms, const std::string& type, const std::string& id, int attempt = 1,
                   const std::string& more = "") {
    return add(time_ms,
               fmt::format(R"("process":"producer-1","type":"{}","f":"publish","id":"{}","attempt":{},"queue":"q"{})",
                           type, id, attempt, more));
  }
  History& deliver(std::int64_t time_ms, const std::string& id, int tag, const std::string& more = "") {
    return add(
        time_ms,
        fmt::format(
            R"("process":"consumer-1","type":"ok","f":"deliver","id":"{}","attempt":1,"queue":"q","channel":"c1","tag":{}{})",
            id, tag, more));
  }
  History& fault(std::int64_t time_ms, const std::string& type, const std::string& phase) {
    return add(
        time_ms,
        fmt::format(R"("process":"agent","type":"{}","f":"fault","name":"broker.kill","target":"broker","phase":"{}")",
                    type, phase));
  }
  Retelling retold(const invariants::Judged& judged = {}) const {
    auto reader = history::Reader::over(text_);
    auto result = retell(reader, judged);
    EXPECT_TRUE(result) << (result ? "" : result.error().context);
    return result ? std::move(result).value() : Retelling{};
  }

 private:
  std::string text_;
  std::int64_t next_ = 0;
};

invariants::Judged with(invariants::Anomaly anomaly) {
  invariants::Judged judged;
  judged.invariants.push_back({"order", invariants::Outcome::holds, {}, {}, {}});
  judged.invariants.push_back({"delivery", invariants::Outcome::violated, {}, {std::move(anomaly)}, {}});
  return judged;
}

std::vector<std::string> told(const Retelling& retelling) {
  std::vector<std::string> lines;
  for (const auto& story : retelling.stories) {
    for (const auto& line : story.lines) {
      lines.push_back(fmt::format("{}{} {}", line.witness ? "*" : "", line.at.count() / 1'000'000, line.text));
    }
  }
  return lines;
}

TEST(Series, CountsAttemptsConfirmsAndDeliveriesPerSecond) {
  History history;
  history.publish(4100, "invoke", "m1")
      .publish(4200, "ok", "m1")
      .publish(4999, "invoke", "m2")
      .publish(5000, "info", "m2");
  history.publish(5001, "invoke", "m2", 2).publish(5002, "ok", "m2", 2).deliver(5003, "m2", 1).deliver(7000, "m1", 2);
  const auto series = history.retold().series;
  ASSERT_EQ(series.size(), 4U);
  EXPECT_EQ(series[0].second, 4);
  EXPECT_EQ(series[0].published, 2);
  EXPECT_EQ(series[0].confirmed, 1);
  EXPECT_EQ(series[0].delivered, 0);
  EXPECT_EQ(series[1].published, 1);
  EXPECT_EQ(series[1].confirmed, 1);
  EXPECT_EQ(series[1].delivered, 1);
  EXPECT_EQ(series[2].second, 6) << "a second without load has its point";
  EXPECT_EQ(series[2].published, 0);
  EXPECT_FALSE(series[2].p50_ms);
  EXPECT_EQ(series[3].delivered, 1);
}

TEST(Series, CountsLatencyFromTheIntendedTimeOfTheFirstAttemptToTheFirstDelivery) {
  History history;
  history.publish(1000, "invoke", "late", 1, R"(,"intended":900000000)").publish(1010, "invoke", "plain");
  history.publish(1500, "invoke", "late", 2, R"(,"intended":1500000000)");
  history.deliver(2000, "late", 1).deliver(2010, "plain", 2).deliver(3500, "late", 3, R"(,"redelivered":true)");
  const auto series = history.retold().series;
  ASSERT_EQ(series.size(), 3U);
  EXPECT_EQ(series[1].p50_ms, 1000.0) << "the smaller one of 1000 and 1100";
  EXPECT_EQ(series[1].p99_ms, 1100.0);
  EXPECT_FALSE(series[2].p50_ms) << "a second delivery is no sample";
}

TEST(Series, TellsHowLongCallersWereHeldUp) {
  History history;
  history.publish(1000, "invoke", "prompt", 1, R"(,"intended":1000000000)");
  history.publish(1900, "invoke", "held-up", 1, R"(,"intended":1100000000)");
  history.publish(2500, "invoke", "held-up", 2, R"(,"intended":1100000000)");
  history.publish(2600, "invoke", "plain");
  const auto series = history.retold().series;
  ASSERT_EQ(series.size(), 2U);
  EXPECT_EQ(series[0].wait_p99_ms, 800.0);
  EXPECT_FALSE(series[1].wait_p99_ms) << "neither a resend nor a message that nobody planned keeps a caller waiting";
}

TEST(Series, TakesPercentilesByNearestRank) {
  History history;
  for (int number = 1; number <= 100; ++number) {
    history.publish(0, "invoke", fmt::format("m{}", number));
  }
  for (int number = 1; number <= 100; ++number) history.deliver(number, fmt::format("m{}", number), number);
  const auto series = history.retold().series;
  ASSERT_EQ(series.size(), 1U);
  EXPECT_EQ(series[0].p50_ms, 50.0);
  EXPECT_EQ(series[0].p99_ms, 99.0);
}

TEST(Series, IgnoresTimesThatNoRunReaches) {
  History history;
  history.publish(9'000'000'000'000, "invoke", "m1").publish(-5, "invoke", "m2").publish(1, "invoke", "m3");
  EXPECT_EQ(history.retold().series.size(), 1U);
}

TEST(Series, IsEmptyForAnEmptyHistory) {
  const auto retelling = History{}.retold();
  EXPECT_TRUE(retelling.series.empty());
  EXPECT_TRUE(retelling.stories.empty());
}

TEST(Series, SaysThatAHistoryIsMalformed) {
  auto reader = history::Reader::over("{\"index\":7}\n", "h");
  const auto result = retell(reader, {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::usage);
}

TEST(Story, OfALostMessageEndsWithTheDrain) {
  History history;
  history.publish(10, "invoke", "other").publish(20, "invoke", "m1").publish(21, "ok", "m1");
  history.fault(30, "invoke", "start").fault(31, "ok", "start").publish(40, "invoke", "unrelated");
  history.add(45, R"("process":"producer-1","type":"info","f":"connection","value":"lost")");
  history.add(46, R"("process":"producer-9","type":"info","f":"connection","value":"lost")");
  history.fault(50, "invoke", "stop").fault(51, "ok", "stop");
  history.add(90, R"("process":"agent","type":"ok","f":"drain","queue":"elsewhere")");
  history.add(91, R"("process":"agent","type":"ok","f":"drain","queue":"q")");
  const auto retelling = history.retold(with({"lost", "m1", {1, 2}, {"broker.kill"}}));
  ASSERT_EQ(retelling.stories.size(), 1U);
  EXPECT_EQ(retelling.stories[0].invariant, 1);
  EXPECT_EQ(retelling.stories[0].anomaly, 0);
  const auto lines = told(retelling);
  EXPECT_THAT(
      lines,
      ElementsAre("*20 producer-1 publishes m1 (attempt 1)", "*21 the broker confirms m1 (attempt 1) to producer-1",
                  "30 fault broker.kill on broker is asked for", "31 fault broker.kill on broker is in force",
                  HasSubstr("45 producer-1: connection"), "50 undo of broker.kill on broker is asked for",
                  "51 fault broker.kill on broker is over, proven", "91 queue q has been read to its end"));
}

TEST(Story, OfADuplicateNamesEachDeliveryAndItsAck) {
  History history;
  history.publish(1, "invoke", "m1").publish(2, "info", "m1", 1, R"(,"error":"connection-lost")");
  history.publish(3, "invoke", "m1", 2).publish(4, "fail", "m1", 2, R"(,"error":"nack")");
  history.deliver(5, "m1", 7).deliver(6, "x", 8).deliver(7, "m1", 9, R"(,"redelivered":true)");
  history.add(8, R"("process":"consumer-1","type":"info","f":"ack","channel":"c1","tag":8,"multiple":true)");
  history.add(9, R"("process":"consumer-1","type":"info","f":"nack","channel":"c1","tag":9,"requeue":true)");
  history.add(10, R"("process":"consumer-1","type":"info","f":"ack","channel":"c2","tag":9)");
  EXPECT_THAT(told(history.retold(with({"duplicated", "m1", {4, 6}, {}}))),
              ElementsAre("1 producer-1 publishes m1 (attempt 1)",
                          "2 the outcome of m1 (attempt 1) is unknown: connection-lost",
                          "3 producer-1 publishes m1 (attempt 2)", "4 m1 (attempt 2) certainly failed: nack",
                          "*5 consumer-1 gets m1 (attempt 1) from q",
                          "*7 consumer-1 gets m1 (attempt 1) from q, flagged as redelivered",
                          "8 consumer-1 acknowledges it", "9 consumer-1 refuses it, back to the queue"));
}

TEST(Story, MentionsAFaultThatWasInForceBefore) {
  History history;
  history.fault(1, "ok", "start").publish(2, "invoke", "m1").deliver(3, "m1", 1).deliver(4, "m1", 2);
  EXPECT_THAT(told(history.retold(with({"duplicated", "m1", {2, 3}, {}}))),
              ElementsAre("1 fault broker.kill on broker is in force", HasSubstr("publishes"), HasSubstr("gets"),
                          HasSubstr("gets")));
}

TEST(Story, OfAnAnomalyWithoutAMessageIsMadeOfItsWitnesses) {
  History history;
  history.fault(1, "ok", "stop");
  history.add(2000, R"("process":"controller","type":"fail","f":"probe","name":"amqp.publish","value":0.5)");
  EXPECT_THAT(
      told(history.retold(with({"not-recovered", "", {0, 1}, {}}))),
      ElementsAre("*1 fault broker.kill on broker is over, proven", "*2000 probe amqp.publish is bad, measured 0.5"));
}

TEST(Story, OfAMessageInALoopKeepsBothEndsAndTheWitness) {
  History history;
  history.publish(0, "invoke", "m1");
  for (int round = 1; round <= 5000; ++round) history.deliver(round, "m1", round, R"(,"redelivered":true)");
  const auto lines = told(history.retold(with({"redelivered", "m1", {1, 2500}, {}})));
  EXPECT_LT(lines.size(), 45U);
  EXPECT_THAT(lines, ::testing::Contains("*2500 consumer-1 gets m1 (attempt 1) from q, flagged as redelivered"));
  EXPECT_THAT(lines, ::testing::Contains(HasSubstr("4,965 events of this message left out here")));
  EXPECT_THAT(lines.back(), HasSubstr("5000 "));
}

TEST(Story, IsNotToldForWhatTheHistoryDoesNotHold) {
  EXPECT_TRUE(History{}.publish(1, "invoke", "m1").retold(with({"lost", "unheard", {99}, {}})).stories.empty());
}

}  // namespace
}  // namespace troop::formats
