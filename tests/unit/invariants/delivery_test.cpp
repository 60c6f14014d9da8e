#include <gmock/gmock.h>

#include "tests/unit/invariants/story.hpp"

namespace troop::invariants {
namespace {

using Counts = std::vector<std::pair<std::string, std::int64_t>>;

struct Case {
  const char* name;
  Story story;
  Counts counts;  ///< Those that matter; every anomaly that is not named must be 0.
  Outcome at_least_once;
  Outcome at_most_once;
  Outcome exactly_once;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

class DeliveryTest : public testing::TestWithParam<Case> {};

TEST_P(DeliveryTest, counts_and_judges) {
  const Case& c = GetParam();
  for (const auto& [guarantee, outcome] :
       {std::pair{"at-least-once", c.at_least_once}, std::pair{"at-most-once", c.at_most_once},
        std::pair{"exactly-once", c.exactly_once}}) {
    const Judgement judgement = judge_one(c.story, delivery(guarantee));
    EXPECT_EQ(judgement.outcome, outcome) << guarantee << testing::PrintToString(judgement.reasons);
    for (const char* anomaly : {"lost", "unexpected", "duplicated", "redelivered", "recovered", "aborted"}) {
      std::int64_t expected = 0;
      for (const auto& [name, value] : c.counts) expected = name == anomaly ? value : expected;
      EXPECT_EQ(count(judgement, anomaly), expected) << anomaly;
    }
    for (const auto& [name, value] : c.counts) EXPECT_EQ(count(judgement, name), value) << name;
  }
}

constexpr auto holds = Outcome::holds, unknown = Outcome::unknown, violated = Outcome::violated;

const auto fanout = R"("topology":{"exchanges":[{"name":"all","type":"fanout"}],)"
                    R"("bindings":[{"exchange":"all","queue":"q"},{"exchange":"all","queue":"r"}]})";
const auto to_all = R"("exchange":"all","routing_key":"k")";

INSTANTIATE_TEST_SUITE_P(
    , DeliveryTest,
    testing::ValuesIn(std::vector<Case>{
        {"nothing_was_tested", Story{}.drain(), {{"attempted", 0}}, unknown, unknown, unknown},
        {"a_delivered_message_needs_no_drain", Story{}.sent("a").deliver("a"), {{"delivered", 1}}, holds, holds, holds},
        {"a_confirmed_message_that_a_drained_queue_never_gave_is_lost",
         Story{}.sent("a").drain(),
         {{"confirmed", 1}, {"lost", 1}},
         violated,
         holds,
         violated},
        {"without_a_drain_a_missing_message_may_still_come",
         Story{}.sent("a").sent("b").deliver("b"),
         {{"delivered", 1}},
         unknown,
         unknown,
         unknown},
        {"another_queue_s_drain_proves_nothing", Story{}.sent("a").drain("r"), {}, unknown, unknown, unknown},
        {"a_drain_before_the_publish_proves_nothing", Story{}.drain().sent("a"), {}, unknown, unknown, unknown},
        {"a_drain_that_a_later_delivery_disproves_proves_nothing",
         Story{}.sent("a").sent("b").drain().deliver("b"),
         {},
         unknown,
         unknown,
         unknown},
        {"a_late_message_is_neither_lost_nor_duplicated",
         Story{}.sent("a", 1).sent("b", 2).deliver("b", 1, 2).deliver("a", 1, 1).drain(),
         {{"delivered", 2}},
         holds,
         holds,
         holds},
        {"a_sink_accounts_for_a_missing_message",
         Story{}.sent("a").event("dlq", "ok", "sink", R"("id":"a","queue":"q","value":"expired")").drain(),
         {},
         holds,
         holds,
         holds},
        {"a_delivery_of_nothing_published_is_unexpected",
         Story{}.sent("a").deliver("a").deliver("x").drain(),
         {{"unexpected", 1}, {"delivered", 2}},
         violated,
         violated,
         violated},
        {"a_publish_seen_after_its_delivery_is_still_a_publish",
         Story{}.deliver("a").sent("a"),
         {},
         holds,
         holds,
         holds},
        {"what_nobody_confirmed_and_nobody_saw_has_vanished",
         Story{}.sent("a").deliver("a").invoke("b").info("b").invoke("c").drain(),
         {{"vanished", 2}, {"indeterminate", 2}},
         holds,
         holds,
         holds},
        {"an_indeterminate_publish_alone_makes_nothing_unknown",
         Story{}.sent("a").deliver("a").invoke("b").info("b").drain(),
         {{"indeterminate", 1}},
         holds,
         holds,
         holds},
        {"a_publish_without_completion_is_indeterminate",
         Story{}.sent("a").deliver("a").invoke("b").drain(),
         {{"attempted", 2}, {"indeterminate", 1}},
         holds,
         holds,
         holds},
        {"an_indeterminate_publish_that_was_consumed_is_recovered_not_duplicated",
         Story{}.invoke("a").info("a").deliver("a").drain(),
         {{"recovered", 1}},
         holds,
         holds,
         holds},
        {"a_late_confirm_settles_an_unknown_publish",
         Story{}.invoke("a").info("a").ok("a").drain(),
         {{"confirmed", 1}, {"indeterminate", 0}, {"lost", 1}},
         violated,
         holds,
         violated},
        {"a_failed_publish_need_not_arrive",
         Story{}.sent("a").deliver("a").invoke("b").fail("b").drain(),
         {{"failed", 1}},
         holds,
         holds,
         holds},
        {"a_delivery_though_every_attempt_failed_is_aborted",
         Story{}.invoke("a").fail("a").deliver("a").drain(),
         {{"aborted", 1}, {"delivered", 1}},
         violated,
         violated,
         violated},
        {"a_failed_attempt_beside_an_unknown_one_is_recovered",
         Story{}.invoke("a").info("a").invoke("a", 2).fail("a", 2).deliver("a").drain(),
         {{"recovered", 1}},
         holds,
         holds,
         holds},
        {"a_second_delivery_without_the_flag_is_duplicated",
         Story{}.sent("a").deliver("a").deliver("a").drain(),
         {{"duplicated", 1}, {"delivered", 1}},
         holds,
         violated,
         violated},
        {"every_further_delivery_counts",
         Story{}.sent("a").deliver("a").deliver("a").deliver("a").drain(),
         {{"duplicated", 2}},
         holds,
         violated,
         violated},
        {"a_second_delivery_with_the_flag_is_redelivered",
         Story{}.sent("a").deliver("a").deliver("a", 1, 0, true).drain(),
         {{"redelivered", 1}},
         holds,
         violated,
         violated},
        {"another_attempt_with_the_flag_is_duplicated",
         Story{}.invoke("a").info("a").invoke("a", 2).ok("a", 2).deliver("a").deliver("a", 2, 0, true).drain(),
         {{"duplicated", 1}},
         holds,
         violated,
         violated},
        {"a_first_delivery_with_the_flag_counts_nowhere",
         Story{}.sent("a").deliver("a", 1, 0, true).drain(),
         {{"delivered", 1}},
         holds,
         holds,
         holds},
        {"an_attempt_beyond_thirty_is_told_from_another",
         Story{}
             .invoke("a", 40)
             .ok("a", 40)
             .deliver("a", 40)
             .deliver("a", 40, 0, true)
             .deliver("a", 41, 0, true)
             .drain(),
         {{"redelivered", 1}, {"duplicated", 1}},
         holds,
         violated,
         violated},
        {"delivered_is_not_processed_where_effects_are_recorded",
         Story{}.sent("a").sent("b").deliver("a").effect("a").deliver("b").drain(),
         {{"delivered", 2}, {"processed", 1}, {"lost", 1}},
         violated,
         holds,
         violated},
        {"the_run_may_promise_effects_that_never_come",
         Story{}.run_start(R"("consume":{"ack":"manual","effects":true})").sent("a").deliver("a").drain().run_stop(),
         {{"processed", 0}, {"lost", 1}},
         violated,
         holds,
         violated},
        {"an_effect_may_still_come_while_its_queue_is_not_drained",
         Story{}.sent("a").sent("b").deliver("a").effect("a").deliver("b"),
         {{"processed", 1}},
         unknown,
         unknown,
         unknown},
        {"a_sink_accounts_for_a_message_that_was_delivered_and_not_processed",
         Story{}
             .sent("a")
             .sent("b")
             .deliver("a")
             .effect("a")
             .deliver("b")
             .event("dlq", "ok", "sink", R"("id":"b","queue":"q","value":"rejected")")
             .drain(),
         {{"processed", 1}},
         holds,
         holds,
         holds},
        {"an_effect_proves_a_delivery_that_nobody_recorded",
         Story{}.sent("a").effect("a").drain(),
         {{"delivered", 1}, {"processed", 1}},
         holds,
         holds,
         holds},
        {"an_effect_of_nothing_published_is_unexpected",
         Story{}.sent("a").deliver("a").effect("a").effect("x").drain(),
         {{"unexpected", 1}},
         violated,
         violated,
         violated},
        {"another_queue_s_effects_ask_for_none_in_this_one",
         Story{}.sent("a").deliver("a").invoke("b", 1, 0, R"("queue":"r")").ok("b").effect("b", "r").drain().drain("r"),
         {{"processed", 1}},
         holds,
         holds,
         holds},
        {"an_effect_that_names_no_message_is_none_of_ours",
         Story{}.sent("a").deliver("a").event("stock", "ok", "effect", R"("service":"stock","key":"k")").drain(),
         {},
         holds,
         holds,
         holds},
        {"fanout_gives_a_copy_per_queue",
         Story{}
             .run_start(fanout)
             .invoke("a", 1, 0, to_all)
             .ok("a")
             .deliver("a")
             .deliver("a", 1, 0, false, "r")
             .drain()
             .drain("r")
             .run_stop(),
         {{"delivered", 2}, {"attempted", 1}},
         holds,
         holds,
         holds},
        {"fanout_loses_one_copy_of_two",
         Story{}.run_start(fanout).invoke("a", 1, 0, to_all).ok("a").deliver("a").drain().drain("r").run_stop(),
         {{"delivered", 1}, {"lost", 1}},
         violated,
         holds,
         violated},
        {"a_nack_with_two_queues_bound_proves_nothing",
         Story{}.run_start(fanout).invoke("a", 1, 0, to_all).fail("a").deliver("a").drain().drain("r").run_stop(),
         {{"recovered", 1}, {"failed", 0}, {"indeterminate", 1}},
         holds,
         holds,
         holds},
        {"a_confirmed_message_that_no_queue_took_is_lost",
         Story{}
             .run_start(R"("topology":{"exchanges":[{"name":"all","type":"fanout"}],"bindings":[]})")
             .invoke("a", 1, 0, to_all)
             .ok("a")
             .drain()
             .run_stop(),
         {{"confirmed", 1}, {"lost", 1}},
         violated,
         holds,
         violated},
        {"a_delivery_from_a_queue_it_was_not_published_to_is_unexpected",
         Story{}.sent("a").deliver("a").deliver("a", 1, 0, false, "r").drain(),
         {{"unexpected", 1}, {"delivered", 2}},
         violated,
         violated,
         violated},
        {"what_is_violated_already_stays_so_when_the_history_was_cut_short",
         Story{}.run_start().sent("a").drain(),
         {{"lost", 1}},
         violated,
         unknown,
         violated},
        {"a_clean_history_that_was_cut_short_is_unknown",
         Story{}.run_start().sent("a").deliver("a").drain(),
         {{"delivered", 1}},
         unknown,
         unknown,
         unknown},
    }),
    [](const auto& c) { return std::string{c.param.name}; });

TEST(DeliveryAnomalies, name_witnesses_and_the_faults_they_overlap) {
  Story story;
  story.sent("early").deliver("early").invoke("a").fault("invoke", "start").fault("ok", "start").ok("a");
  story.fault("invoke", "stop").fault("ok", "stop").sent("b").drain();
  const auto judgement = judge_one(story, delivery("exactly-once"));
  ASSERT_EQ(judgement.anomalies.size(), 2U);
  EXPECT_EQ(judgement.anomalies[0].kind, "lost");
  EXPECT_EQ(judgement.anomalies[0].id, "a");
  EXPECT_THAT(judgement.anomalies[0].witnesses, testing::ElementsAre(3, 6));
  EXPECT_THAT(judgement.anomalies[0].during, testing::ElementsAre("broker.kill"));
  EXPECT_EQ(judgement.anomalies[1].id, "b");
  EXPECT_THAT(judgement.anomalies[1].during, testing::IsEmpty()) << "published after the fault was over";
}

TEST(DeliveryAnomalies, are_capped_while_counts_stay_exact) {
  Story story;
  for (int i = 0; i < 300; ++i) story.sent(fmt::format("m-{}", i), i);
  const auto judgement = judge_one(story.drain(), delivery("at-least-once"));
  EXPECT_EQ(count(judgement, "lost"), 300);
  EXPECT_EQ(judgement.anomalies.size(), 100U);
}

struct Expectation {
  const char* name;
  Story story;
  Outcome outcome;
};

void PrintTo(const Expectation& c, std::ostream* out) { *out << c.name; }

class ExpectedLossTest : public testing::TestWithParam<Expectation> {};
TEST_P(ExpectedLossTest, is_judged) {
  EXPECT_EQ(judge_one(GetParam().story, delivery("at-least-once", {"lost"})).outcome, GetParam().outcome);
}

Story faulty() { return Story{}.invoke("a").fault("invoke", "start").fault("ok", "start").ok("a").fault("ok", "stop"); }

INSTANTIATE_TEST_SUITE_P(
    , ExpectedLossTest,
    testing::ValuesIn(std::vector<Expectation>{
        {"holds_when_it_shows_during_a_fault", faulty().drain(), holds},
        {"violates_when_it_does_not_show", faulty().deliver("a").drain(), violated},
        {"is_unknown_when_the_queue_was_not_drained", faulty(), unknown},
        {"does_not_excuse_a_loss_outside_any_fault", faulty().sent("b").drain(), violated},
        {"does_not_excuse_another_anomaly", faulty().deliver("x").drain(), violated},
        {"needs_no_fault_where_the_run_plans_none", Story{}.run_start(R"("steps":[])").sent("a").drain().run_stop(),
         holds},
        {"needs_the_fault_that_the_run_plans",
         Story{}.run_start(R"("steps":[{"fault":"broker.kill","target":"broker"}])").sent("a").drain().run_stop(),
         violated},
        {"needs_a_fault_where_the_history_does_not_know_its_plan", Story{}.sent("a").drain(), violated},
        {"is_unknown_when_the_history_was_cut_short",
         Story{}.run_start().sent("b").fault("ok", "start").fault("ok", "stop").deliver("b").drain(), unknown},
    }),
    [](const auto& c) { return std::string{c.param.name}; });

TEST(Pairing, follows_op_within_a_process_when_completions_come_out_of_order) {
  Story story;
  story.event("p1", "invoke", "publish", R"("op":1,"id":"a","attempt":1,"queue":"q")");
  story.event("p2", "invoke", "publish", R"("op":1,"id":"b","attempt":1,"queue":"q")");
  story.event("p1", "invoke", "publish", R"("op":2,"id":"c","attempt":1,"queue":"q")");
  story.event("p1", "ok", "publish", R"("op":2)").event("p2", "fail", "publish", R"("op":1)").drain();
  const auto judgement = judge_one(story, delivery("at-least-once"));
  EXPECT_EQ(count(judgement, "indeterminate"), 1) << "a";
  EXPECT_EQ(count(judgement, "failed"), 1) << "b";
  ASSERT_EQ(judgement.anomalies.size(), 1U);
  EXPECT_EQ(judgement.anomalies[0].id, "c");
}

TEST(Pairing, without_op_and_attempt_takes_the_flag_s_word_for_second_deliveries) {
  Story story;
  for (const char* type : {"invoke", "ok"}) story.event("p", type, "publish", R"("id":7,"queue":"q")");
  story.event("c", "ok", "deliver", R"("id":7,"queue":"q")");
  story.event("c", "ok", "deliver", R"("id":7,"queue":"q","redelivered":true)");
  story.event("c", "ok", "deliver", R"("id":7,"queue":"q")").drain();
  const auto judgement = judge_one(story, delivery("at-least-once"));
  EXPECT_EQ(judgement.outcome, holds);
  EXPECT_EQ(count(judgement, "redelivered"), 1);
  EXPECT_EQ(count(judgement, "duplicated"), 1);
}

}  // namespace
}  // namespace troop::invariants
