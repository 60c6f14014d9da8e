// Claims that the settings cannot keep are refused with the reason; the same claims under settings that can are not.
#include <gmock/gmock.h>

#include <ostream>

#include "tests/unit/toml/support.hpp"

namespace troop::scenarios::test {
namespace {

/// A scenario from settings, a step and a claim, each of which may be empty.
struct Case {
  std::string name, workload, step, invariant;
  std::string refused;  ///< A part of the only problem's message; empty: valid.
  friend void PrintTo(const Case& c, std::ostream* out) { *out << c.workload << c.step << c.invariant; }
};

std::string text_of(const Case& c) {
  const std::string step = c.step.empty() ? "" : "[[step]]\nat = \"1s\"\n" + c.step + "\n";
  return "name = \"x\"\n" + c.workload + "\n" + step + "[[invariant]]\n" + c.invariant + "\n";
}

class ClaimTest : public testing::TestWithParam<Case> {};

TEST_P(ClaimTest, is_refused_with_its_reason_or_accepted) {
  const auto reading = read(text_of(GetParam()));
  const auto problems = problems_of(reading.problems);
  if (GetParam().refused.empty()) {
    EXPECT_THAT(problems, testing::IsEmpty());
    EXPECT_TRUE(reading.scenario.has_value());
  } else {
    EXPECT_THAT(problems, testing::ElementsAre(testing::HasSubstr(GetParam().refused)));
    EXPECT_FALSE(reading.scenario.has_value());
  }
}

const std::string kill = "fault = \"broker.kill\"\ntarget = \"broker\"\nfor = \"1s\"";
const std::string pause = "fault = \"broker.pause\"\ntarget = \"broker\"\nfor = \"1s\"";
const std::string kill_consumer = "fault = \"process.kill\"\ntarget = \"consumer\"";
const std::string kill_producer = "fault = \"process.kill\"\ntarget = \"producer\"";
const std::string once = "[workload.publish]\nretry = { attempts = 1 }\n";
const std::string transient = "[workload.publish]\npersistent = false\n";
const std::string effects = "[workload.consume]\neffects = true\n";
const std::string recovery = "kind = \"recovery\"\nwithin = \"9s\"";
const std::string steady = "[[steady_state]]\nprobe = \"amqp.publish\"\ntolerance = { p99 = \"< 1s\" }\n";
const std::string poison = once + "[workload.consume]\npoison_every = 9\n";
const std::string no_exchange = "[workload.exchange]\nname = \"shop\"\nexists = false\n";
const std::string priorities = "[workload.queue]\nmax_priority = 2\n[workload.publish]\npriorities = ";
const std::string no_ack = "[workload.consume]\nack = \"none\"\n";

std::string delivery(const std::string& guarantee, const std::string& expect = "") {
  return "kind = \"delivery\"\nguarantee = \"" + guarantee + "\"\n" +
         (expect.empty() ? "" : "expect = [" + expect + "]\n");
}

INSTANTIATE_TEST_SUITE_P(
    , ClaimTest,
    testing::ValuesIn(std::vector<Case>{
        {"order_over_several_consumers", "[workload]\nconsumers = 2", "", "kind = \"order\"\nper = \"queue\"",
         "2 consumers take turns on the queue"},
        {"order_over_several_producers", "[workload]\nproducers = 2", "", "kind = \"order\"\nper = \"queue\"",
         "2 producers number their messages apart"},
        {"order_per_queue_of_one_and_one", "", "", "kind = \"order\"\nper = \"queue\"", ""},
        {"order_per_producer_of_many", "[workload]\nproducers = 2\nconsumers = 3", "",
         "kind = \"order\"\nper = \"producer\"", ""},
        {"order_expected_to_break", "[workload]\nconsumers = 2", kill,
         "kind = \"order\"\nper = \"queue\"\nexpect = [\"inversion\"]", ""},
        {"exactly_once_with_resends", no_ack, "", delivery("exactly-once"), "publish.retry.attempts = 20 resends"},
        {"exactly_once_with_redelivery", once, kill, delivery("exactly-once"),
         "step.0 (broker.kill) can cut a consumer off"},
        {"exactly_once_without_either", once + no_ack, pause, delivery("exactly-once"), ""},
        {"exactly_once_with_both_expected", "", kill, delivery("exactly-once", "\"duplicated\", \"redelivered\""), ""},
        {"exactly_once_with_one_expected", "", kill, delivery("exactly-once", "\"duplicated\""),
         "expect = [\"redelivered\"]"},
        {"at_most_once_with_resends", no_ack, "", delivery("at-most-once"), "expect = [\"duplicated\"]"},
        {"at_most_once_unconfirmed", "[workload.publish]\nconfirm = \"none\"\n" + no_ack, kill,
         delivery("at-most-once"), ""},
        {"at_most_once_and_a_killed_consumer", once, kill_consumer, delivery("at-most-once"),
         "expect = [\"redelivered\"]"},
        {"at_most_once_and_a_killed_producer", once, kill_producer, delivery("at-most-once"), ""},
        {"at_least_once", "", kill, delivery("at-least-once"), ""},
        {"what_transient_messages_cost_is_for_the_run_to_show", transient, kill, delivery("at-least-once"), ""},
        {"transient_with_the_loss_expected", transient, kill, delivery("at-least-once", "\"lost\""), ""},
        {"transient_claimed_at_most_once", transient + "retry = { attempts = 1 }\n" + no_ack, kill,
         delivery("at-most-once"), ""},
        {"volatile_queue_and_a_broker_kill", "[workload.queue]\ndurable = false\n", kill, delivery("at-least-once"),
         ""},
        {"no_ack_and_a_killed_consumer", no_ack, kill_consumer, delivery("at-least-once"), ""},
        {"no_ack_with_the_loss_expected", no_ack, kill_consumer, delivery("at-least-once", "\"lost\""), ""},
        {"no_confirms", "[workload.publish]\nconfirm = \"none\"\n", "", delivery("at-least-once"), "nobody ever knows"},
        {"accounting_without_confirms", "[workload.publish]\nconfirm = \"none\"\n", kill, "kind = \"accounting\"",
         "expect = [\"unaccounted\"]"},
        {"accounting_with_the_gap_expected", transient, kill, "kind = \"accounting\"\nexpect = [\"unaccounted\"]", ""},
        {"accounting", "", kill, "kind = \"accounting\"", ""},
        {"effects_that_nobody_records", once, "", "kind = \"effect\"", "use workload.consume.effects = true"},
        {"effects_that_may_come_twice", effects, kill, "kind = \"effect\"", "expect = [\"double\"]"},
        {"effects_that_may_come_twice_and_shall", effects, kill, "kind = \"effect\"\nexpect = [\"double\"]", ""},
        {"order_of_messages_that_are_delayed_differently", "[workload.publish]\ndelays = [\"1s\", \"2s\"]", "",
         "kind = \"order\"", "publish.delays has more than one delay"},
        {"order_of_messages_that_are_delayed_alike", "[workload.publish]\ndelays = [\"1s\", \"1000ms\"]", "",
         "kind = \"order\"", ""},
        {"order_across_delays_expected_to_break", "[workload.publish]\ndelays = [\"1s\", \"2s\"]", "",
         "kind = \"order\"\nexpect = [\"inversion\"]", ""},
        {"order_across_priorities", priorities + "3", "", "kind = \"order\"\nper = \"producer\"",
         "messages of a higher priority overtake"},
        {"order_within_one_priority", priorities + "1", "", "kind = \"order\"", ""},
        {"order_across_priorities_expected_to_break", priorities + "3", "",
         "kind = \"order\"\nexpect = [\"inversion\"]", ""},
        {"at_most_once_with_poison_that_is_requeued", poison, "", delivery("at-most-once"),
         "every poison message is delivered again"},
        {"exactly_once_with_poison_that_is_requeued", poison, "", delivery("exactly-once"),
         "expect = [\"redelivered\"]"},
        {"at_most_once_with_poison_that_is_rejected", poison + "on_failure = \"reject\"", "", delivery("at-most-once"),
         ""},
        {"at_most_once_with_poison_acknowledged_before", poison + "ack_when = \"before\"", "", delivery("at-most-once"),
         ""},
        {"at_most_once_with_poison_and_the_redelivery_expected", poison, "",
         delivery("at-most-once", "\"redelivered\""), ""},
        {"at_least_once_with_poison", poison, "", delivery("at-least-once"), ""},
        {"effects_of_poison_are_none", poison + "effects = true", "", "kind = \"effect\"", ""},
        {"recovery_from_nothing", steady, "", recovery, "there is no [[step]]"},
        {"recovery_from_a_fault", steady, kill, recovery, ""},
        {"at_least_once_without_an_exchange", no_exchange, "", delivery("at-least-once"),
         "no publish is ever confirmed, so no loss could be seen"},
        {"accounting_without_an_exchange", no_exchange, "", "kind = \"accounting\"", "expect = [\"unaccounted\"]"},
        {"at_least_once_delayed_towards_no_exchange", no_exchange + "[workload.publish]\ndelays = [\"1s\"]", "",
         delivery("at-least-once"), "there is no way back from the delays"},
        {"at_least_once_without_an_exchange_and_the_loss_expected", no_exchange, "",
         delivery("at-least-once", "\"lost\""), ""},
        {"at_most_once_without_an_exchange", no_exchange + once, "", delivery("at-most-once"), ""},
        {"effects_by_id", effects + "idempotency = \"id\"\n", kill, "kind = \"effect\"", ""},
    }),
    [](const auto& c) { return c.param.name; });

struct Overlap {
  std::string name, first, second;
  bool refused;
  friend void PrintTo(const Overlap& o, std::ostream* out) { *out << o.first << " / " << o.second; }
};

class OverlapTest : public testing::TestWithParam<Overlap> {};

TEST_P(OverlapTest, is_refused_only_on_the_same_target) {
  const auto& [name, first, second, refused] = GetParam();
  const std::string text = "name = \"x\"\nworkload = { producers = 2, consumers = 2 }\nstep = [ {" + first + "},\n {" +
                           second + "} ]\n[[invariant]]\nkind = \"accounting\"\n";
  const auto problems = problems_of(read(text).problems);
  if (refused)
    EXPECT_THAT(problems, testing::ElementsAre(testing::StartsWith("4:6: overlaps step.0: ")));
  else
    EXPECT_THAT(problems, testing::IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(, OverlapTest,
                         testing::ValuesIn(std::vector<Overlap>{
                             {"within", "at='1s',fault='broker.stop',target='broker',for='5s'",
                              "at='2s',fault='broker.kill',target='broker',for='1s'", true},
                             {"earlier_in_the_file_is_later_in_time",
                              "at='5s',fault='broker.stop',target='broker',for='2s'",
                              "at='4s',fault='broker.kill',target='broker',for='2s'", true},
                             {"one_after_the_other", "at='1s',fault='broker.stop',target='broker',for='1s'",
                              "at='2s',fault='broker.kill',target='broker',for='1s'", false},
                             {"both_at_once_without_a_period", "at='1s',fault='broker.restart',target='broker'",
                              "at='1s',fault='broker.restart',target='broker'", true},
                             {"different_workers", "at='1s',fault='process.pause',target='consumer-1',for='5s'",
                              "at='2s',fault='process.kill',target='consumer-2'", false},
                             {"group_may_be_the_worker", "at='1s',fault='process.pause',target='consumer',for='5s'",
                              "at='2s',fault='process.kill',target='consumer-2'", true},
                             {"different_groups", "at='1s',fault='process.pause',target='consumer',for='5s'",
                              "at='2s',fault='process.kill',target='producer'", false},
                             {"broker_and_worker", "at='1s',fault='broker.pause',target='broker',for='5s'",
                              "at='2s',fault='process.kill',target='producer'", false},
                         }),
                         [](const auto& c) { return c.param.name; });

}  // namespace
}  // namespace troop::scenarios::test
