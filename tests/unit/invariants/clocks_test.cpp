// Several hosts have several clocks: what is closer together than they are is unknown, never an order.
#include <gmock/gmock.h>

#include "tests/unit/invariants/story.hpp"

namespace troop::invariants {
namespace {

using testing::Contains;
using testing::HasSubstr;

std::string bound(std::string_view value) { return fmt::format(R"("offset":0,"bound":{})", value); }

/// One lost message, published a second after a fault's proven end, or before it; the clocks of agent and producer may
/// each be wrong by `wrong`, which is JSON.
Story lost_beside_a_fault(std::string_view wrong, bool after) {
  const auto fault = [](std::string_view phase) {
    return fmt::format(R"("name":"broker.kill","target":"broker","phase":"{}")", phase);
  };
  const double published = after ? 31 : 29;
  const auto id = std::string_view{R"("id":"m","attempt":1,"queue":"q")"};
  Story story;
  story.at(0, "controller", "info", "run", R"("phase":"start","steps":[{"fault":"broker.kill","target":"broker"}])")
      .at(0, "agent-1", "info", "clock", bound(wrong))
      .at(0, "producer-1", "info", "clock", bound(wrong))
      .at(10, "agent-1", "invoke", "fault", fault("start"))
      .at(11, "agent-1", "ok", "fault", fault("start"));
  if (!after) story.at(published, "producer-1", "invoke", "publish", id);
  story.at(29.5, "agent-1", "invoke", "fault", fault("stop")).at(30, "agent-1", "ok", "fault", fault("stop"));
  if (after) story.at(published, "producer-1", "invoke", "publish", id);
  return story.at(32, "producer-1", "ok", "publish", R"("id":"m","attempt":1)")
      .at(40, "controller", "ok", "drain", R"("queue":"q")")
      .at(41, "controller", "info", "run", R"("phase":"stop","reason":"completed")");
}

Judgement expecting_loss(const Story& story) { return judge_one(story, delivery("at-least-once", {"lost"})); }

TEST(Clocks, AttributeAsEverWhereTheyAreOne) {
  EXPECT_EQ(expecting_loss(lost_beside_a_fault("0", false)).outcome, Outcome::holds);
  EXPECT_EQ(expecting_loss(lost_beside_a_fault("0", true)).outcome, Outcome::violated);
}

TEST(Clocks, AttributeWhatIsFurtherFromTheFaultsEdgeThanTheyAreApart) {
  EXPECT_EQ(expecting_loss(lost_beside_a_fault("400000000", false)).outcome, Outcome::holds);
  EXPECT_EQ(expecting_loss(lost_beside_a_fault("400000000", true)).outcome, Outcome::violated);
}

TEST(Clocks, LeaveOpenWhatIsCloserToTheFaultsEdge) {
  for (const bool after : {false, true}) {
    const auto judged = expecting_loss(lost_beside_a_fault("600000000", after));
    EXPECT_EQ(judged.outcome, Outcome::unknown) << after;
    EXPECT_THAT(judged.reasons, Contains(HasSubstr("1 lost perhaps outside any fault: clocks may be 1200ms apart")));
  }
}

TEST(Clocks, ProveNothingWhereABoundCannotBeRead) {
  for (const auto* wrong : {"-1", "\"2s\"", "null", "1e99"}) {
    EXPECT_EQ(expecting_loss(lost_beside_a_fault(wrong, false)).outcome, Outcome::unknown) << wrong;
  }
}

TEST(Clocks, DoubtEarlierFaultsWhereTheyAreSaidLate) {
  Story late;
  late.event("agent-1", "invoke", "fault", R"("name":"broker.kill","target":"broker","phase":"start")")
      .event("agent-1", "ok", "fault", R"("name":"broker.kill","target":"broker","phase":"start")")
      .sent("m")
      .event("agent-1", "ok", "fault", R"("name":"broker.kill","target":"broker","phase":"stop")")
      .event("producer-1", "info", "clock", bound("1000000000"))
      .drain();
  EXPECT_EQ(expecting_loss(late).outcome, Outcome::unknown);
}

/// A fault from second 10 to 20 with ten publishes a second from 0 to 30, each confirmed half a second later; good
/// probe windows again from second `good` on.
Story under_load(std::string_view wrong, double good = 25) {
  const auto fault = [](std::string_view phase) {
    return fmt::format(R"("name":"broker.kill","target":"broker","phase":"{}")", phase);
  };
  Story story;
  story.at(0, "controller", "info", "run", R"("phase":"start","steps":[{"fault":"broker.kill","target":"broker"}])")
      .at(0, "agent-1", "info", "clock", bound(wrong));
  for (int tenth = 0; tenth < 400; ++tenth) {
    const double now = tenth / 10.0;
    if (tenth == 100) story.at(now, "agent-1", "invoke", "fault", fault("start"));
    if (tenth == 102) story.at(now, "agent-1", "ok", "fault", fault("start"));
    if (tenth == 198) story.at(now, "agent-1", "invoke", "fault", fault("stop"));
    if (tenth == 200) story.at(now, "agent-1", "ok", "fault", fault("stop"));
    const auto publish = [&](std::string_view type, int number) {
      story.at(now, "producer-1", type, "publish", fmt::format(R"("id":"m-{}","attempt":1,"queue":"q")", number));
    };
    if (tenth < 300) publish("invoke", tenth);
    if (tenth >= 5 && tenth < 305) publish("ok", tenth - 5);
    if (tenth % 10 == 0) {
      const bool is_good = now < 10 || now >= good;
      story.at(now, "controller", is_good ? "ok" : "fail", "probe", R"("name":"amqp.publish","target":"workload")");
    }
  }
  return story.run_stop();
}

Judgement exercised(const Story& story, std::int64_t publishes) {
  return judge_one(story, {"exercised", {}, {{"publishes", publishes}}});
}

TEST(Clocks, CountOnlyThePublishesThatWereSurelyInside) {
  EXPECT_EQ(count(exercised(under_load("0"), 99), "publishes_min"), 99);
  EXPECT_EQ(exercised(under_load("0"), 99).outcome, Outcome::holds);
  const auto apart = exercised(under_load("1000000000"), 99);
  EXPECT_EQ(apart.outcome, Outcome::unknown);
  EXPECT_NEAR(static_cast<double>(count(apart, "publishes_min")), 78, 1);
  EXPECT_EQ(count(exercised(under_load("6000000000"), 1), "publishes_min"), 0);
}

TEST(Clocks, CountOnlyWhatWasSurelyInFlightWhenItBegan) {
  EXPECT_EQ(count(exercised(under_load("0"), 1), "outstanding_min"), 6);
  EXPECT_EQ(count(exercised(under_load("50000000"), 1), "outstanding_min"), 6);
  const auto apart = exercised(under_load("150000000"), 1);  // what is seen in 0.2 s may all be before or after
  EXPECT_EQ(count(apart, "outstanding_min"), 0);
  EXPECT_EQ(apart.outcome, Outcome::unknown);
}

TEST(Clocks, CallARecoveryInTimeOrLateOnlyWhereTheLimitIsFurtherAway) {
  const auto recovery = [](std::string_view wrong, Duration within) {
    return judge_one(under_load(wrong), {"recovery", {}, {{"within", within}, {"windows", std::int64_t{1}}}}).outcome;
  };
  using std::chrono::milliseconds;
  EXPECT_EQ(recovery("0", milliseconds{5000}), Outcome::holds);
  EXPECT_EQ(recovery("0", milliseconds{4900}), Outcome::violated);
  EXPECT_EQ(recovery("200000000", milliseconds{5500}), Outcome::holds);
  EXPECT_EQ(recovery("200000000", milliseconds{5100}), Outcome::unknown);
  EXPECT_EQ(recovery("200000000", milliseconds{4900}), Outcome::unknown);
  EXPECT_EQ(recovery("200000000", milliseconds{4500}), Outcome::violated);
}

}  // namespace
}  // namespace troop::invariants
