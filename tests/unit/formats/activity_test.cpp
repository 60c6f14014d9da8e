// Connections, retries and queue depths, as the second pass over a history computes them.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reports/formats/depths.hpp"
#include "reports/formats/series.hpp"

namespace troop::formats {
namespace {

using ::testing::ElementsAre;

class History {
 public:
  History& add(double at, const std::string& process, const std::string& fields) {
    text_ += fmt::format("{{\"index\":{},\"time\":{},\"process\":\"{}\",{}}}\n", next_++,
                         static_cast<std::int64_t>(at * 1e9), process, fields);
    return *this;
  }
  History& start(const std::string& more) {
    return add(0, "controller", R"("type":"info","f":"run","phase":"start",)" + more);
  }
  History& invoke(double at, const std::string& id, int attempt = 1, const std::string& to = R"("queue":"q")") {
    return add(at, "producer-1",
               fmt::format(R"("type":"invoke","f":"publish","id":"{}","attempt":{},{})", id, attempt, to));
  }
  History& outcome(double at, const std::string& type, const std::string& id, const std::string& error = "",
                   int attempt = 1) {
    return add(
        at, "producer-1",
        fmt::format(R"("type":"{}","f":"publish","id":"{}","attempt":{},"error":"{}")", type, id, attempt, error));
  }
  History& sent(double at, const std::string& id) { return invoke(at, id).outcome(at, "ok", id); }
  History& deliver(double at, const std::string& id, int tag, const std::string& queue = "q") {
    return add(at, "consumer-1",
               fmt::format(R"("type":"ok","f":"deliver","id":"{}","attempt":1,"queue":"{}","channel":"c/1","tag":{})",
                           id, queue, tag));
  }
  History& settle(double at, const std::string& how, int tag, const std::string& more = "") {
    return add(at, "consumer-1", fmt::format(R"("type":"info","f":"{}","channel":"c/1","tag":{}{})", how, tag, more));
  }
  History& connection(double at, const std::string& who, const std::string& what) {
    return add(at, who, fmt::format(R"("type":"info","f":"connection","value":"{}")", what));
  }
  [[nodiscard]] Retelling retold() const {
    auto reader = history::Reader::over(text_);
    auto result = retell(reader, {});
    EXPECT_TRUE(result) << (result ? "" : result.error().context);
    return result ? std::move(result).value() : Retelling{};
  }

 private:
  std::string text_;
  int next_ = 0;
};

std::vector<std::int64_t> depth(const History& history, const std::string& queue = "q") {
  for (const auto& line : history.retold().depths) {
    if (line.queue == queue) return line.depth;
  }
  return {};
}

TEST(Depth, IsWhatWasConfirmedAndNotYetAcknowledged) {
  History history;
  history.sent(0.1, "a").sent(0.2, "b").sent(1.1, "c");
  history.deliver(2.1, "a", 1).deliver(2.2, "b", 2).settle(2.3, "ack", 1).settle(3.1, "ack", 2).sent(4.0, "d");
  EXPECT_THAT(depth(history), ElementsAre(2, 3, 2, 1, 2));
}

TEST(Depth, CountsNoMessageTwiceWhoseConfirmComesLate) {
  History history;
  history.invoke(0.1, "a").deliver(0.2, "a", 1).outcome(1.1, "ok", "a").settle(2.1, "ack", 1).sent(3.0, "b");
  EXPECT_THAT(depth(history), ElementsAre(1, 1, 0, 1));
}

TEST(Depth, BelievesAnUnknownOutcomeOnceTheMessageIsDelivered) {
  History history;
  history.invoke(0.1, "there").outcome(0.2, "info", "there", "connection-lost");
  history.invoke(0.3, "gone").outcome(0.4, "info", "gone", "connection-lost");
  history.invoke(0.5, "refused").outcome(0.6, "fail", "refused", "nack");
  history.deliver(1.1, "there", 1).sent(2.0, "x").settle(2.1, "ack", 1);
  EXPECT_THAT(depth(history), ElementsAre(0, 1, 1));
}

TEST(Depth, CountsEveryPublishWhereNobodyAsksForConfirms) {
  History history;
  history.invoke(0.1, "a").outcome(0.1, "info", "a", "unconfirmed").invoke(1.1, "b");
  history.outcome(1.1, "info", "b", "unconfirmed").deliver(2.1, "a", 1).settle(2.2, "ack", 1).deliver(3.1, "b", 2);
  EXPECT_THAT(depth(history), ElementsAre(1, 2, 1, 1));
}

TEST(Depth, FallsAtTheDeliveryWhereNobodyAcknowledges) {
  for (const std::string consume : {R"("consume":{"ack":"none"})", R"("seed":1)"}) {
    History history;
    history.start(consume).sent(0.1, "a").sent(0.2, "b").deliver(1.1, "a", 1).deliver(2.1, "b", 2);
    EXPECT_THAT(depth(history), ElementsAre(2, 1, 0)) << consume;
  }
}

TEST(Depth, KeepsWhatIsRequeuedAndLosesWhatIsRefusedForGood) {
  History history;
  history.sent(0.1, "a").sent(0.1, "b").sent(0.1, "c").deliver(0.2, "a", 1).deliver(0.2, "b", 2).deliver(0.2, "c", 3);
  history.settle(1.1, "nack", 1, R"(,"requeue":true)").settle(2.1, "reject", 2).sent(3.0, "d");
  EXPECT_THAT(depth(history), ElementsAre(3, 3, 2, 3)) << "a series ends with the last publish or delivery";
}

TEST(Depth, TakesMultipleForAllTagsUpToIt) {
  History history;
  for (int tag = 1; tag <= 5; ++tag)
    history.sent(0.1, fmt::format("m{}", tag)).deliver(0.2, fmt::format("m{}", tag), tag);
  history.settle(1.1, "ack", 3, R"(,"multiple":true)").sent(1.2, "x").settle(2.1, "ack", 5).sent(2.2, "y");
  EXPECT_THAT(depth(history), ElementsAre(5, 3, 3));
}

TEST(Depth, FollowsTheTopologyToEachQueue) {
  const std::string topology =
      R"("topology":{"exchanges":[{"name":"x","type":"fanout"}],"bindings":[{"exchange":"x","queue":"q1"},{"exchange":"x","queue":"q2"}]})";
  const std::string to = R"("exchange":"x","routing_key":"k")";
  History history;
  history.start(topology)
      .invoke(0.1, "a", 1, to)
      .outcome(0.2, "ok", "a")
      .invoke(0.3, "b", 1, to)
      .outcome(0.4, "ok", "b");
  history.deliver(1.1, "a", 1, "q1").settle(1.2, "ack", 1);
  EXPECT_THAT(depth(history, "q1"), ElementsAre(2, 1));
  EXPECT_THAT(depth(history, "q2"), ElementsAre(2, 2));
}

TEST(Depth, LetsExpiredMessagesLeaveOnceTheyTurnUp) {
  History history;
  history.sent(0.1, "a").sent(0.1, "b");
  history.add(1.1, "reader-1", R"("type":"ok","f":"sink","id":"a","queue":"q","value":"expired")").sent(2.1, "c");
  EXPECT_THAT(depth(history), ElementsAre(2, 1, 2));
}

TEST(Depth, GathersTheQueuesThatAreTooMany) {
  History history;
  for (int n = 0; n < 30; ++n) {
    const std::string id = fmt::format("m{}", n);
    history.invoke(0.1, id, 1, fmt::format(R"("queue":"q{}")", n)).outcome(0.2, "ok", id);
  }
  const auto depths = history.retold().depths;
  ASSERT_EQ(depths.size(), Depths::queues_max);
  EXPECT_EQ(depths.back().queue, "all other queues");
  EXPECT_THAT(depths.back().depth, ElementsAre(23));
}

std::vector<std::string> connections(const History& history) {
  std::vector<std::string> seconds;
  for (const auto& point : history.retold().series) {
    seconds.push_back(point.connections ? fmt::format("{}/{}", *point.connections, *point.blocked) : "none");
  }
  return seconds;
}

TEST(ConnectionsOverTime, ShowTheWorstOfEachSecond) {
  History history;
  history.connection(0.1, "producer-1", "up").connection(0.2, "consumer-1", "up").sent(0.3, "a");
  history.connection(2.1, "consumer-1", "lost").connection(2.2, "consumer-1", "up");
  history.connection(3.5, "producer-1", "blocked").connection(4.5, "producer-1", "unblocked");
  history.connection(5.1, "consumer-1", "channel-closed").sent(6.1, "b");
  EXPECT_THAT(connections(history), ElementsAre("2/0", "2/0", "1/0", "2/1", "2/1", "1/0", "1/0"));
}

TEST(ConnectionsOverTime, KnowThatAKilledWorkerHasNone) {
  History history;
  history.connection(0.1, "producer-1", "up").connection(0.2, "consumer-1", "up").sent(0.3, "a");
  history.add(1.5, "agent", R"("type":"ok","f":"fault","name":"process.kill","target":"consumer-1","phase":"start")");
  history.sent(2.5, "b").connection(3.1, "consumer-1", "restarted").connection(3.2, "consumer-1", "up").sent(4.1, "c");
  EXPECT_THAT(connections(history), ElementsAre("2/0", "1/0", "1/0", "1/0", "2/0"));
}

TEST(ConnectionsOverTime, AreNotMadeUp) {
  History history;
  history.sent(0.1, "a");
  EXPECT_THAT(connections(history), ElementsAre("none"));
}

TEST(Retries, AreTheAttemptsAfterTheFirst) {
  History history;
  history.invoke(0.1, "a").invoke(0.2, "b").invoke(1.1, "a", 2).invoke(1.2, "a", 3).invoke(2.1, "c");
  std::vector<std::int64_t> retries;
  for (const auto& point : history.retold().series) retries.push_back(point.retries);
  EXPECT_THAT(retries, ElementsAre(0, 2, 0));
}

}  // namespace
}  // namespace troop::formats
