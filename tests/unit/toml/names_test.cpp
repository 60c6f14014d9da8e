// What a workload declares at the broker has names that differ: one rule over all of it.
#include <gmock/gmock.h>

#include <ostream>

#include "tests/unit/toml/support.hpp"

namespace troop::scenarios::test {
namespace {

struct Case {
  std::string name, workload;
  std::string refused;  ///< The only problem, from its line on; empty: valid.
  friend void PrintTo(const Case& c, std::ostream* out) { *out << c.workload; }
};

class SameNameTest : public testing::TestWithParam<Case> {};

TEST_P(SameNameTest, is_refused_for_two_things) {
  const auto reading =
      read("name = \"x\"\nworkload.consumers = 2\n[[invariant]]\nkind = \"order\"\n" + GetParam().workload + "\n");
  const auto problems = problems_of(reading.problems);
  if (GetParam().refused.empty())
    EXPECT_THAT(problems, testing::IsEmpty());
  else
    EXPECT_THAT(problems, testing::ElementsAre(GetParam().refused));
}

const std::string shop = "[workload.exchange]\nname = \"shop\"\n";
const std::string pair = shop + "[workload.queue]\nname = \"q\"\ncopies = 2\n";
const std::string give_up = "[workload.consume]\non_failure = \"republish\"\n";

std::string already(const std::string& what, const std::string& name, const std::string& by) {
  return "another " + what + " is called \"" + name + "\" already, by " + by + ": give each its own name";
}

INSTANTIATE_TEST_SUITE_P(
    , SameNameTest,
    testing::ValuesIn(std::vector<Case>{
        {"error_exchange_and_exchange", shop + give_up + "error = { exchange = \"shop\" }",
         "9:22: " + already("exchange", "shop", "workload.exchange.name")},
        {"dead_letter_exchange_and_exchange", shop + "[workload.queue]\ndead_letter = { exchange = \"shop\" }",
         "8:28: " + already("exchange", "shop", "workload.exchange.name")},
        {"dead_letter_exchange_and_error_exchange",
         "[workload.queue]\ndead_letter = { exchange = \"x\" }\n" + give_up + "error = { exchange = \"x\" }",
         "9:22: " + already("exchange", "x", "workload.queue.dead_letter.exchange")},
        {"exchange_that_shall_be_missing", shop + "exists = false\n" + give_up + "error = { exchange = \"shop\" }",
         "10:22: " + already("exchange", "shop", "workload.exchange.name")},
        {"exchange_of_delays",
         "[workload.exchange]\nname = \"q.delay\"\n[workload.queue]\nname = \"q\"\n"
         "[workload.publish]\ndelays = [\"1s\"]",
         "10:10: " + already("exchange", "q.delay", "workload.exchange.name")},
        {"dead_letter_queue_and_queue", "[workload.queue]\ndead_letter = { queue = \"troop.work\" }",
         "6:25: " + already("queue", "troop.work", "workload.queue.name")},
        {"missing_dead_letter_queue_and_queue",
         "[workload.queue]\ndead_letter = { queue = \"troop.work\", exists = false }",
         "6:25: " + already("queue", "troop.work", "workload.queue.name")},
        {"dead_letter_queue_and_a_copy", pair + "dead_letter = { queue = \"q.1\" }",
         "10:25: " + already("queue", "q.1", "workload.queue.name")},
        {"error_queue_and_a_copy", pair + give_up + "error = { queue = \"q.2\" }",
         "12:19: " + already("queue", "q.2", "workload.queue.name")},
        {"error_queue_beyond_the_copies", pair + give_up + "error = { queue = \"q.3\" }", ""},
        {"error_queue_and_dead_letter_queue",
         "[workload.queue]\ndead_letter = { queue = \"d\" }\n" + give_up + "error = { queue = \"d\" }",
         "9:19: " + already("queue", "d", "workload.queue.dead_letter.queue")},
        {"queue_of_a_delay",
         "[workload.queue]\nname = \"q\"\ndead_letter = { queue = \"q.delay.1s\" }\n"
         "[workload.publish]\ndelays = [\"1s\"]",
         "9:10: " + already("queue", "q.delay.1s", "workload.queue.dead_letter.queue")},
        {"same_delay_twice", "[workload.publish]\ndelays = [\"1s\", \"1000ms\"]", ""},
        {"error_exchange_that_nobody_uses", shop + "[workload.consume]\nerror = { exchange = \"shop\" }", ""},
        {"a_queue_called_like_an_exchange", shop + "[workload.queue]\nname = \"shop\"", ""},
    }),
    [](const auto& c) { return c.param.name; });

}  // namespace
}  // namespace troop::scenarios::test
