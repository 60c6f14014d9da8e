// Histories that were edited, or that prove nothing: none of them is a pass.
#include <gmock/gmock.h>

#include <boost/json/serialize.hpp>
#include <filesystem>
#include <fstream>

#include "reports/invariants/catalogue.hpp"
#include "reports/invariants/control.hpp"
#include "reports/invariants/run_info.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/unit/invariants/story.hpp"

namespace troop::invariants {
namespace {

using testing::HasSubstr;

struct Forged {
  const char* name;
  Story story;
  std::vector<model::InvariantSpec> specs = {delivery("at-least-once")};
  const char* why;  ///< Part of a reason.
  friend void PrintTo(const Forged& forged, std::ostream* out) { *out << forged.name; }
};

constexpr const char* plan = R"("steps":[{"fault":"broker.kill","target":"broker"}])";

/// A run under a fault with `loaded` publishes, all delivered; as it was planned and as it was played.
Story run(std::string_view start, std::string_view name, std::string_view target, bool ended = true) {
  const auto fault = [&](std::string_view phase) {
    return fmt::format(R"("name":"{}","target":"{}","phase":"{}")", name, target, phase);
  };
  Story story;
  story.event("controller", "info", "run", fmt::format(R"("phase":"start",{})", start)).invoke("first");
  if (!name.empty())
    story.event("agent", "invoke", "fault", fault("start")).event("agent", "ok", "fault", fault("start"));
  story.ok("first").deliver("first");
  for (int i = 0; i < 100; ++i) story.sent(fmt::format("m-{}", i)).deliver(fmt::format("m-{}", i));
  if (!name.empty() && ended) {
    story.event("agent", "invoke", "fault", fault("stop")).event("agent", "ok", "fault", fault("stop"));
  }
  return story.drain().run_stop();
}

Story all(std::string_view answer) {
  Story story;
  story.run_start(R"("steps":[])");
  for (int i = 0; i < 200; ++i) {
    const auto id = fmt::format("m-{}", i);
    story.invoke(id);
    if (answer == "fail") story.fail(id);
    if (answer == "info") story.info(id);
  }
  return story.drain().run_stop();
}

Story acknowledged(std::string_view type) {
  Story story;
  story.run_start(R"("steps":[],"consume":{"ack":"manual"})").sent("a").deliver("a");
  if (!type.empty()) story.event("consumer-1", type, "ack", R"("channel":"c-1","tag":1,"multiple":false)");
  return story.drain().run_stop();
}

const model::InvariantSpec accounting{"accounting", {}, {}}, effect{"effect", {}, {}};

class FalseGreen : public testing::TestWithParam<Forged> {};

TEST_P(FalseGreen, IsNoPass) {
  const auto judged = judge_text(GetParam().story.text(), GetParam().specs);
  ASSERT_TRUE(judged) << judged.error().context;
  EXPECT_NE(judged.value().verdict, Verdict::pass);
  EXPECT_THAT(boost::json::serialize(to_json(judged.value())), HasSubstr(GetParam().why));
}

INSTANTIATE_TEST_SUITE_P(
    , FalseGreen,
    testing::ValuesIn(std::vector<Forged>{
        {.name = "nothing_confirmed", .story = all("info"), .why = "no publish was confirmed"},
        {.name = "everything_failed", .story = all("fail"), .why = "no publish was confirmed"},
        {.name = "nothing_delivered",
         .story = all(""),
         .specs = {delivery("at-most-once")},
         .why = "no publish was confirmed, and nothing delivered"},
        {.name = "another_fault_than_planned", .story = run(plan, "made.up", "broker"), .why = "0 of 1 planned"},
        {.name = "another_victim_than_planned",
         .story = run(plan, "broker.kill", "consumer-9"),
         .why = "0 of 1 planned"},
        {.name = "a_fault_that_never_ended",
         .story = run(plan, "broker.kill", "broker", false),
         .why = "not proven that it was undone"},
        {.name = "a_plan_that_is_no_list", .story = run(R"("steps":"x")", "", ""), .why = "does not say which faults"},
        {.name = "a_plan_of_no_objects",
         .story = run(R"("steps":["broker.kill"])", "", ""),
         .why = "does not say which faults"},
        {.name = "a_plan_too_deep_to_read",
         .story = run(R"("steps":[],"x":)" + std::string(60, '[') + std::string(60, ']'), "", ""),
         .why = "does not say which faults"},
        {.name = "acks_that_failed",
         .story = acknowledged("fail"),
         .specs = {accounting},
         .why = "the history has no ack"},
        {.name = "acks_that_were_only_asked_for",
         .story = acknowledged("invoke"),
         .specs = {accounting},
         .why = "the history has no ack"},
        {.name = "no_acks_where_they_were_announced",
         .story = acknowledged(""),
         .specs = {accounting},
         .why = "the history has no ack"},
        {.name = "effects_of_nothing_confirmed",
         .story = Story{}.run_start(R"("steps":[])").invoke("a").effect("a").drain().run_stop(),
         .specs = {effect},
         .why = "no publish was confirmed"},
        {.name = "no_effect_and_an_unknown_sink",
         .story = Story{}
                      .run_start(R"("steps":[],"consume":{"effects":true})")
                      .sent("a")
                      .effect("a")
                      .sent("b")
                      .event("consumer-1", "ok", "sink", R"("id":"b","queue":"q","value":"black hole")")
                      .drain()
                      .run_stop(),
         .specs = {effect},
         .why = "a sink that we do not know"},
        {.name = "times_that_fall",
         .story =
             [] {
               Story story;
               story.at(1, "controller", "info", "run", fmt::format(R"("phase":"start",{})", plan))
                   .at(2, "p", "info", "log");
               story.at(9, "agent", "ok", "fault", R"("name":"broker.kill","target":"broker","phase":"start")");
               story.at(10, "agent", "ok", "fault", R"("name":"broker.kill","target":"broker","phase":"stop")");
               for (int i = 0; i < 5; ++i)
                 story.at(0, "c", "ok", "probe", R"("name":"amqp.publish","target":"broker")");
               return story.run_stop();
             }(),
         .specs = {{"recovery", {}, {{"within", Duration{std::chrono::seconds{10}}}}}},
         .why = "do not rise"},
    }),
    [](const auto& each) { return std::string{each.param.name}; });

TEST(FalseGreens, TheLoadThatAFaultMustMeetCannotBeLoweredByAScenario) {
  for (const auto& entry : catalogue()) {
    if (entry.kind != "exercised") continue;
    for (const auto& parameter : entry.parameters)
      EXPECT_EQ(*parameter.minimum, std::stod(std::string{parameter.fallback}));
    return;
  }
  FAIL() << "there is no exercised";
}

/// Callers that wait a fault out published nothing in it, and meant to.
TEST(Exercised, CountsWhatCallersMeantToPublishWhileTheFaultWasInForce) {
  const auto told = [](std::int64_t intended_s) {
    Story story;
    story.at(0, "controller", "info", "run", fmt::format(R"("phase":"start",{})", plan)).invoke("first");
    story.at(2, "agent", "invoke", "fault", R"("name":"broker.kill","target":"broker","phase":"start")");
    story.at(3, "agent", "ok", "fault", R"("name":"broker.kill","target":"broker","phase":"start")");
    story.at(10, "agent", "ok", "fault", R"("name":"broker.kill","target":"broker","phase":"stop")");
    for (int i = 0; i < 100; ++i) {
      story.at(20, "producer-1", "invoke", "publish",
               fmt::format(R"("id":"m-{}","attempt":1,"queue":"q","intended":{})", i, intended_s * 1'000'000'000));
      story.at(20, "producer-1", "ok", "publish", fmt::format(R"("id":"m-{}","attempt":1)", i))
          .deliver(fmt::format("m-{}", i));
    }
    return judge_text(story.ok("first").deliver("first").drain().run_stop().text(),
                      std::vector{delivery("at-least-once")})
        .value()
        .verdict;
  };
  EXPECT_EQ(told(5), Verdict::pass);
  EXPECT_EQ(told(11), Verdict::inconclusive) << "after its end";
  EXPECT_EQ(told(1), Verdict::inconclusive) << "before its begin";
}

TEST(Topic, MatchesInTimeWhateverThePatternIs) {
  std::string pattern, key;
  for (int i = 0; i < 60; ++i) pattern += "#.a.";
  for (int i = 0; i < 120; ++i) key += "a.";
  EXPECT_FALSE(topic_matches(pattern + "z", key + "a"));
  EXPECT_TRUE(topic_matches(pattern + "a", key + "a"));
  EXPECT_FALSE(topic_matches(std::string(100'000, '#'), "a")) << "longer than AMQP allows";
}

/// What violates nothing, and is expected of faults, must not show without them either.
TEST(Control, SeesWhatIsExpectedThoughItViolatesNothing) {
  const auto redelivering = [](bool faults) {
    Story story;
    story.run_start(faults ? plan : R"("steps":[])").invoke("m-0");
    if (faults) story.fault("invoke", "start").fault("ok", "start");
    for (int i = 1; i < 120; ++i) story.invoke(fmt::format("m-{}", i));
    for (int i = 0; i < 120; ++i) story.ok(fmt::format("m-{}", i)).deliver(fmt::format("m-{}", i));
    story.deliver("m-3", 1, 0, true);
    if (faults) story.fault("invoke", "stop").fault("ok", "stop");
    return story.drain().run_stop();
  };
  const testing_support::TemporaryFolder folder;
  std::ofstream{folder / "control.ndjson"} << redelivering(false).text();
  const std::vector specs{delivery("at-least-once", {"redelivered"})};
  auto judged = judge_text(redelivering(true).text(), specs);
  ASSERT_EQ(judged.value().verdict, Verdict::pass) << "without its control";
  const auto control = judge_control(folder / "control.ndjson", specs);
  ASSERT_TRUE(control) << control.error().context;
  weigh(judged.value(), specs, control.value());
  EXPECT_EQ(judged.value().verdict, Verdict::fail);
}

TEST(Control, OfAnotherScenarioSaysNothing) {
  const testing_support::TemporaryFolder folder;
  std::ofstream{folder / "control.ndjson"} << run(R"("scenario":"another","steps":[])", "", "").text();
  const std::vector specs{delivery("at-least-once")};
  auto judged = judge_text(run(fmt::format(R"("scenario":"this",{})", plan), "broker.kill", "broker").text(), specs);
  ASSERT_EQ(judged.value().verdict, Verdict::pass);
  weigh(judged.value(), specs, judge_control(folder / "control.ndjson", specs).value());
  EXPECT_EQ(judged.value().verdict, Verdict::inconclusive);
}

}  // namespace
}  // namespace troop::invariants
