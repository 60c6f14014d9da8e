// Order, accounting, recovery, exercised, and how outcomes become a verdict.
#include <gmock/gmock.h>

#include <boost/json/serialize.hpp>

#include "reports/invariants/catalogue.hpp"
#include "tests/unit/invariants/story.hpp"

namespace troop::invariants {
namespace {

constexpr auto holds = Outcome::holds, unknown = Outcome::unknown, violated = Outcome::violated;

struct Case {
  const char* name;
  model::InvariantSpec spec;
  Story story;
  Outcome outcome;
  std::vector<std::pair<std::string, std::int64_t>> counts;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

class InvariantTest : public testing::TestWithParam<Case> {};

TEST_P(InvariantTest, counts_and_judges) {
  const auto judgement = judge_one(GetParam().story, GetParam().spec);
  EXPECT_EQ(judgement.outcome, GetParam().outcome) << testing::PrintToString(judgement.reasons);
  for (const auto& [name, value] : GetParam().counts) EXPECT_EQ(count(judgement, name), value) << name;
  EXPECT_EQ(judgement.outcome == holds, judgement.reasons.empty()) << "whatever does not hold says why, and only that";
}

const auto name_of = [](const auto& c) { return std::string{c.param.name}; };

model::InvariantSpec order(std::string per = "key") { return {"order", {}, {{"per", std::move(per)}}}; }

Story numbered(std::initializer_list<int> sequence) {
  Story story;
  for (const int seq : sequence) story.deliver(fmt::format("m-{}", seq), 1, seq);
  return story;
}

INSTANTIATE_TEST_SUITE_P(
    Order, InvariantTest,
    testing::ValuesIn(std::vector<Case>{
        {"nothing_delivered_is_unknown", order(), Story{}.sent("a"), unknown, {}},
        {"rising_with_gaps_holds_a_loss_is_no_disorder", order(), numbered({1, 2, 5, 9}), holds, {{"inversions", 0}}},
        {"the_running_maximum_counts_not_the_neighbour",
         order(),
         numbered({1, 5, 2, 3, 4}),
         violated,
         {{"inversions", 3}, {"max_displacement", 3}}},
        {"two_one_two_three_is_no_order",
         order(),
         Story{}.deliver("b", 1, 2).deliver("a", 1, 1).deliver("b", 1, 2, true).deliver("c", 1, 3),
         violated,
         {{"inversions", 1}, {"max_displacement", 1}, {"redelivered_inversions", 0}}},
        {"a_redelivery_behind_violates_nothing",
         order(),
         Story{}.deliver("a", 1, 1).deliver("b", 1, 2).deliver("a", 1, 1, true),
         holds,
         {{"redelivered_inversions", 1}}},
        {"a_flagged_first_delivery_behind_violates_nothing",
         order(),
         Story{}.deliver("b", 1, 2).deliver("a", 1, 1, true),
         holds,
         {{"inversions", 0}, {"redelivered_inversions", 1}}},
        {"a_flagged_first_delivery_raises_the_maximum",
         order(),
         Story{}.deliver("b", 1, 2, true).deliver("a", 1, 1),
         violated,
         {{"inversions", 1}}},
        {"a_later_attempt_behind_violates_nothing",
         order(),
         Story{}.invoke("a", 1, 1).info("a").invoke("b", 1, 2).invoke("a", 2, 1).deliver("b", 1, 2).deliver("a", 2, 1),
         holds,
         {{"inversions", 0}, {"redelivered_inversions", 1}}},
        {"a_later_attempt_does_not_raise_the_maximum",
         order(),
         Story{}.invoke("b", 1, 2).invoke("b", 2, 2).invoke("a", 1, 1).deliver("b", 2, 2).deliver("a", 1, 1),
         holds,
         {{"inversions", 0}}},
        {"another_channel_has_an_order_of_its_own",
         order(),
         Story{}.deliver("b", 1, 2).deliver("a", 1, 1, false, "q", "c-2"),
         holds,
         {}},
        {"another_queue_has_an_order_of_its_own",
         order(),
         Story{}.deliver("b", 1, 2).deliver("a", 1, 1, false, "r"),
         holds,
         {}},
        {"without_channels_there_is_one",
         order(),
         Story{}
             .event("c1", "ok", "deliver", R"("id":"b","key":"k","seq":2,"queue":"q")")
             .event("c2", "ok", "deliver", R"("id":"a","key":"k","seq":1,"queue":"q")"),
         violated,
         {{"inversions", 1}}},
        {"without_producer_it_is_the_one_that_published",
         order(),
         Story{}
             .event("p1", "invoke", "publish", R"("id":"b","key":"k","seq":2,"queue":"q")")
             .event("p2", "invoke", "publish", R"("id":"a","key":"k","seq":1,"queue":"q")")
             .event("c", "ok", "deliver", R"("id":"b","key":"k","seq":2,"queue":"q")")
             .event("c", "ok", "deliver", R"("id":"a","key":"k","seq":1,"queue":"q")"),
         holds,
         {{"inversions", 0}}},
        {"per_queue_compares_across_producers",
         order("queue"),
         Story{}
             .event("c", "ok", "deliver", R"("id":"b","producer":"p1","key":"x","seq":2,"queue":"q")")
             .event("c", "ok", "deliver", R"("id":"a","producer":"p2","key":"y","seq":1,"queue":"q")"),
         violated,
         {{"inversions", 1}}},
        {"per_producer_compares_across_keys",
         order("producer"),
         Story{}
             .event("c", "ok", "deliver", R"("id":"b","producer":"p1","key":"x","seq":2,"queue":"q")")
             .event("c", "ok", "deliver", R"("id":"a","producer":"p1","key":"y","seq":1,"queue":"q")"),
         violated,
         {{"inversions", 1}}},
        {"per_key_does_not",
         order(),
         Story{}
             .event("c", "ok", "deliver", R"("id":"b","producer":"p1","key":"x","seq":2,"queue":"q")")
             .event("c", "ok", "deliver", R"("id":"a","producer":"p1","key":"y","seq":1,"queue":"q")"),
         holds,
         {}},
        {"a_history_without_sequence_numbers_is_unknown",
         order(),
         Story{}.event("c", "ok", "deliver", R"("id":"b")"),
         unknown,
         {}},
    }),
    name_of);

TEST(OrderAnomalies, name_the_leader_and_the_one_behind) {
  const auto judgement = judge_one(numbered({1, 5, 2}), order());
  ASSERT_EQ(judgement.anomalies.size(), 1U);
  EXPECT_EQ(judgement.anomalies[0].kind, "inversion");
  EXPECT_EQ(judgement.anomalies[0].id, "m-2");
  EXPECT_THAT(judgement.anomalies[0].witnesses, testing::ElementsAre(1, 2));
}

const model::InvariantSpec accounting{"accounting", {}, {}};

INSTANTIATE_TEST_SUITE_P(
    Accounting, InvariantTest,
    testing::ValuesIn(std::vector<Case>{
        {"nothing_confirmed_is_unknown", accounting, Story{}.invoke("a").drain(), unknown, {}},
        {"delivered_and_acknowledged",
         accounting,
         Story{}.sent("a").deliver("a").ack(1).drain(),
         holds,
         {{"acknowledged", 1}, {"unaccounted", 0}}},
        {"delivered_and_not_acknowledged_where_acks_are_recorded",
         accounting,
         Story{}.sent("a").sent("b").deliver("a").deliver("b").ack(1).drain(),
         violated,
         {{"acknowledged", 1}, {"unaccounted", 1}}},
        {"without_any_ack_event_a_delivery_will_do",
         accounting,
         Story{}.sent("a").deliver("a").drain(),
         holds,
         {{"acknowledged", 1}}},
        {"one_ack_covers_all_tags_up_to_its_own",
         accounting,
         Story{}.sent("a").sent("b").sent("c").deliver("a").deliver("b").deliver("c").ack(2, true).drain(),
         violated,
         {{"acknowledged", 2}, {"unaccounted", 1}}},
        {"a_tag_means_nothing_on_another_channel",
         accounting,
         Story{}.sent("a").sent("b").deliver("a").deliver("b", 1, 0, false, "q", "c-2").ack(1).ack(2).drain(),
         violated,
         {{"acknowledged", 1}, {"unaccounted", 1}}},
        {"a_reject_is_no_ack",
         accounting,
         Story{}.sent("a").deliver("a").event("consumer-1", "info", "reject", R"("channel":"c-1","tag":1)").drain(),
         violated,
         {{"unaccounted", 1}}},
        {"a_requeued_message_counts_once_it_is_acknowledged",
         accounting,
         Story{}
             .sent("a")
             .deliver("a")
             .event("consumer-1", "info", "nack", R"("channel":"c-1","tag":1,"requeue":true)")
             .deliver("a", 1, 0, true)
             .ack(2)
             .drain(),
         holds,
         {{"acknowledged", 1}}},
        {"every_sink_accounts",
         accounting,
         Story{}
             .sent("a")
             .sent("b")
             .event("x", "ok", "sink", R"("id":"a","queue":"q","value":"dead-lettered")")
             .event("x", "ok", "sink", R"("id":"b","queue":"q","value":"queued")")
             .drain(),
         holds,
         {{"dead-lettered", 1}, {"queued", 1}, {"expired", 0}, {"rejected", 0}, {"overflow", 0}, {"unaccounted", 0}}},
        {"a_sink_that_nobody_knows_proves_nothing",
         accounting,
         Story{}.sent("a").event("x", "ok", "sink", R"("id":"a","queue":"q","value":"eaten")").drain(),
         unknown,
         {{"unaccounted", 0}}},
        {"what_may_still_be_queued_is_unknown", accounting, Story{}.sent("a"), unknown, {{"unaccounted", 0}}},
        {"a_lost_message_is_unaccounted", accounting, Story{}.sent("a").drain(), violated, {{"unaccounted", 1}}},
    }),
    name_of);

model::InvariantSpec recovery(double within) {
  return {
      "recovery", {}, {{"within", Duration{static_cast<std::int64_t>(within * 1e9)}}, {"windows", std::int64_t{2}}}};
}

/// A fault from 1 s to 5 s (undo asked for at 3 s), then one probe window a second from 6 s on: '+' good, '-' bad, '?'.
Story probed(std::string_view windows) {
  Story story;
  const auto fault = [&](double at, const char* type, const char* phase) {
    story.at(at, "agent", type, "fault", fmt::format(R"("name":"broker.stop","target":"broker","phase":"{}")", phase));
  };
  fault(1, "invoke", "start");
  fault(2, "ok", "start");
  fault(3, "invoke", "stop");
  fault(5, "ok", "stop");
  double at = 6;
  for (const char window : windows) {
    story.at(at++, "controller",
             window == '+'   ? "ok"
             : window == '-' ? "fail"
                             : "info",
             "probe", R"("name":"amqp.publish")");
  }
  return story;
}

INSTANTIATE_TEST_SUITE_P(
    Recovery, InvariantTest,
    testing::ValuesIn(std::vector<Case>{
        {"in_time",
         recovery(3),
         probed("--++"),
         holds,
         {{"faults", 1}, {"recovered", 1}, {"recovery_ms_max", 3000}, {"undo_ms_max", 2000}}},
        {"one_good_window_is_not_steady",
         recovery(3),
         probed("+--++"),
         violated,
         {{"recovered", 0}, {"recovery_ms_max", 4000}}},
        {"too_late", recovery(2), probed("--++"), violated, {{"recovered", 0}}},
        {"never", recovery(3), probed("-----"), violated, {{"recovered", 0}}},
        {"evidence_ends_too_early_to_tell", recovery(3), probed("--"), unknown, {{"recovered", 0}}},
        {"a_row_that_the_end_cuts_off_is_unknown", recovery(3), probed("--+"), unknown, {}},
        {"windows_that_nobody_measured_are_neither_good_nor_bad", recovery(2), probed("-??++"), unknown, {}},
        {"no_probe_at_all", recovery(3), probed(""), unknown, {}},
        {"no_fault", recovery(3), Story{}.event("c", "ok", "probe"), unknown, {{"faults", 0}}},
        {"an_end_that_is_not_proven",
         recovery(3),
         Story{}.fault("ok", "start").fault("fail", "stop").event("c", "ok", "probe"),
         unknown,
         {}},
    }),
    name_of);

TEST(Recovery, counts_from_the_end_of_a_fault_that_began_before_the_steady_state_was_back) {
  Story story = probed("-");
  story.at(6.5, "agent", "ok", "fault", R"("name":"broker.kill","target":"broker","phase":"start")");
  story.at(9, "agent", "ok", "fault", R"("name":"broker.kill","target":"broker","phase":"stop")");
  story.at(10, "c", "ok", "probe", R"("name":"amqp.publish")").at(11, "c", "ok", "probe", R"("name":"amqp.publish")");
  const auto judgement = judge_one(story, recovery(2));
  EXPECT_EQ(judgement.outcome, holds) << testing::PrintToString(judgement.reasons);
  EXPECT_EQ(count(judgement, "recovered"), 2);
  EXPECT_EQ(count(judgement, "recovery_ms_max"), 1000);
}

Story loaded(int publishes, std::string_view run = R"("seed":1)") {
  Story story;
  story.run_start(run).invoke("first").fault("invoke", "start").fault("ok", "start").ok("first").deliver("first");
  for (int i = 0; i < publishes; ++i) story.sent(fmt::format("m-{}", i)).deliver(fmt::format("m-{}", i));
  return story.fault("invoke", "stop").fault("ok", "stop").drain();
}

/// The same, but whether the fault was undone remains open.
Story never_undone(std::string_view answer) {
  Story story;
  story.run_start().invoke("first").fault("invoke", "start").fault("ok", "start").ok("first").deliver("first");
  for (int i = 0; i < 100; ++i) story.sent(fmt::format("m-{}", i)).deliver(fmt::format("m-{}", i));
  return story.fault("invoke", "stop").fault(answer, "stop").drain().run_stop();
}

/// One publish while the fault is starting, answered before it is proven; or none then, and one on either side.
Story briefly_outstanding(bool inside) {
  Story story;
  story.run_start().sent("before").fault("invoke", "start");
  if (inside) story.sent("between");
  return story.fault("ok", "start").sent("after").fault("invoke", "stop").fault("ok", "stop").drain().run_stop();
}

/// A consumer is killed while `waiting` messages are published, confirmed and not delivered.
Story consumer_killed(int waiting, std::string_view target) {
  const auto fault = [&](std::string_view phase) {
    return fmt::format(R"("name":"process.kill","target":"{}","phase":"{}")", target, phase);
  };
  Story story;
  story.run_start().sent("first").deliver("first");
  for (int i = 0; i < waiting; ++i) story.sent(fmt::format("w-{}", i));
  story.event("agent", "invoke", "fault", fault("start")).event("agent", "ok", "fault", fault("start"));
  for (int i = 0; i < 100; ++i) story.sent(fmt::format("m-{}", i));
  return story.event("agent", "ok", "fault", fault("stop")).run_stop();
}

const model::InvariantSpec exercised{"exercised", {}, {}};

INSTANTIATE_TEST_SUITE_P(
    Exercised, InvariantTest,
    testing::ValuesIn(std::vector<Case>{
        {"under_load",
         exercised,
         loaded(100).run_stop(),
         holds,
         {{"proven", 1}, {"publishes_min", 100}, {"outstanding_min", 1}}},
        {"too_few_publishes", exercised, loaded(99).run_stop(), unknown, {{"publishes_min", 99}}},
        {"nothing_outstanding_when_it_began",
         {"exercised", {}, {{"outstanding", std::int64_t{2}}}},
         loaded(100).run_stop(),
         unknown,
         {}},
        {"outstanding_only_between_request_and_proof",
         {"exercised", {}, {{"publishes", std::int64_t{1}}}},
         briefly_outstanding(true),
         holds,
         {{"outstanding_min", 1}}},
        {"outstanding_only_before_and_after",
         {"exercised", {}, {{"publishes", std::int64_t{1}}}},
         briefly_outstanding(false),
         unknown,
         {{"outstanding_min", 0}}},
        {"messages_wait_for_the_killed_consumer",
         exercised,
         consumer_killed(3, "consumer-1"),
         holds,
         {{"outstanding_min", 3}}},
        {"nothing_waits_for_the_killed_consumer", exercised, consumer_killed(0, "consumer-1"), unknown, {}},
        {"messages_that_wait_are_not_in_flight_for_a_producer",
         exercised,
         consumer_killed(3, "producer-1"),
         unknown,
         {}},
        {"a_planned_fault_that_did_not_happen",
         exercised,
         loaded(100, R"("steps":[{"fault":"broker.kill","target":"broker"},{"fault":"broker.stop","target":"broker"}])")
             .run_stop(),
         unknown,
         {{"planned", 2}}},
        {"a_run_that_was_interrupted", exercised, loaded(100).run_stop("interrupted"), unknown, {}},
        {"a_fault_without_proof",
         exercised,
         Story{}.run_start().sent("a").deliver("a").fault("invoke", "start").fault("info", "start").run_stop(),
         unknown,
         {{"proven", 0}}},
        {"a_fault_that_could_not_be_undone", exercised, never_undone("fail"), unknown, {{"proven", 1}}},
        {"a_fault_that_may_not_be_undone", exercised, never_undone("info"), unknown, {{"proven", 1}}},
        {"no_fault_planned_and_load", exercised, Story{}.run_start().sent("a").deliver("a").run_stop(), holds, {}},
        {"no_fault_and_no_load", exercised, Story{}.run_start().run_stop(), unknown, {}},
    }),
    name_of);

TEST(Exercised, is_added_last_where_the_history_has_a_run_start_and_only_there) {
  const std::vector<model::InvariantSpec> specs{{"exercised", {}, {}}, delivery("at-least-once")};
  const auto kinds = [](const Result<Judged>& judged) {
    std::vector<std::string> list;
    for (const auto& judgement : judged.value().invariants) list.push_back(judgement.kind);
    return list;
  };
  const auto without = Story{}.sent("a").deliver("a").text();
  const auto with = loaded(100).run_stop().text();
  EXPECT_THAT(kinds(judge_text(with, std::vector{specs[1]})), testing::ElementsAre("delivery", "exercised"));
  EXPECT_THAT(kinds(judge_text(with, specs)), testing::ElementsAre("delivery", "exercised"));
  EXPECT_THAT(kinds(judge_text(without, std::vector{specs[1]})), testing::ElementsAre("delivery"));
}

TEST(Judge, SaysWhatEachInvariantWasAskedToClaim) {
  const std::vector<model::InvariantSpec> specs{
      {"exercised", {}, {{"publishes", std::int64_t{5}}}},
      {"recovery", {}, {{"within", Duration{std::chrono::seconds{10}}}, {"windows", std::int64_t{3}}}},
      {"accounting", {}, {}}};
  std::vector<std::string> claims;
  const auto judged = judge_text(Story{}.sent("a").text(), specs);
  for (const auto& judgement : judged.value().invariants) {
    claims.push_back(judgement.kind + ": " + judgement.claim);
  }
  EXPECT_THAT(claims,
              testing::ElementsAre("recovery: windows = 3, within = 10s", "accounting: ", "exercised: publishes = 5"));
}

TEST(Verdict, is_the_severest_outcome_and_never_better_than_the_evidence) {
  const std::vector specs{delivery("at-least-once")};
  const auto verdict = [&](const std::string& text) { return judge_text(text, specs).value().verdict; };
  EXPECT_EQ(verdict(Story{}.sent("a").deliver("a").text()), Verdict::pass);
  EXPECT_EQ(verdict(Story{}.sent("a").drain().text()), Verdict::fail);
  EXPECT_EQ(verdict(Story{}.sent("a").text()), Verdict::inconclusive);
  EXPECT_EQ(verdict(""), Verdict::inconclusive) << "an empty history is never a pass";
  EXPECT_EQ(verdict(Story{}.sent("a").deliver("a").text() + R"({"index":3,"ti)"), Verdict::inconclusive) << "cut short";
  EXPECT_EQ(verdict(Story{}.sent("a").drain().text() + R"({"index":3,"ti)"), Verdict::fail) << "violated already";
  EXPECT_EQ(judge_text("", {}).value().verdict, Verdict::inconclusive) << "even with nothing to judge it by";
}

TEST(Verdict, survives_a_round_trip_through_json) {
  const auto judged =
      judge_text(Story{}.sent("a").sent("b").deliver("b").drain().text(), std::vector{delivery("at-least-once")});
  const auto object = to_json(judged.value());
  EXPECT_EQ(
      boost::json::serialize(object),
      R"({"verdict":"fail","events":6,"complete":true,"invariants":[{"kind":"delivery",)"
      R"("claim":"guarantee = at-least-once","outcome":"violated",)"
      R"("counts":{"attempted":2,"confirmed":2,"failed":0,"indeterminate":0,"delivered":1,"lost":1,"unexpected":0,)"
      R"("duplicated":0,"redelivered":0,"recovered":0,"aborted":0},)"
      R"("anomalies":[{"kind":"lost","id":"a","witnesses":[0,1],"during":[]}],"reasons":["1 lost"]}],"warnings":[]})");
  const auto back = judged_from_json(object);
  ASSERT_TRUE(back) << back.error().context;
  EXPECT_EQ(to_json(back.value()), object);
}

TEST(Verdict, in_damaged_json_is_an_error_that_names_the_part) {
  auto object = to_json(judge_text(Story{}.sent("a").text(), std::vector{delivery("at-least-once")}).value());
  object["invariants"].as_array()[0].as_object()["outcome"] = "splendid";
  EXPECT_THAT(judged_from_json(object).error().context, testing::HasSubstr("outcome"));
  EXPECT_FALSE(judged_from_json({}));
}

TEST(Judge, refuses_specs_that_are_none) {
  const auto complaint = [](model::InvariantSpec spec) { return judge_text("", std::vector{spec}).error().context; };
  EXPECT_THAT(complaint({"delivary", {}, {}}), testing::HasSubstr("delivary"));
  EXPECT_THAT(complaint({"delivery", {}, {}}), testing::HasSubstr("guarantee"));
  EXPECT_THAT(complaint({"order", {"lost"}, {}}), testing::HasSubstr("lost"));
}

}  // namespace
}  // namespace troop::invariants
