// What RabbitMQ may lose, duplicate and reorder, row by row: the library's scenarios run as a user runs them, and what
// is expected stands beside what was found.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>

#include "tests/support/troop_run.hpp"

namespace troop::test {
namespace {

using testing::IsEmpty;

constexpr Duration run_max = 150s;

enum class Seen { never, always, maybe };

struct Row {
  const char* configuration;  ///< And the fault.
  const char* scenario;
  Seen lost = Seen::never;
  Seen duplicated = Seen::never;   ///< Without the flag.
  Seen redelivered = Seen::maybe;  ///< With the flag.
  Seen reordered = Seen::never;
  Seen vanished = Seen::maybe;  ///< Never confirmed, never seen.
  const char* sink = nullptr;   ///< Where messages end that are not delivered, by the name that accounting has for it.
  friend void PrintTo(const Row& row, std::ostream* out) { *out << row.scenario; }
};

const char* word(Seen seen) { return seen == Seen::never ? "no" : seen == Seen::always ? "yes" : "maybe"; }

class LossPoints : public testing::Test {
 protected:
  void compare(std::string_view what, Seen expected, std::int64_t found) {
    line_ += fmt::format(" | {} {}: {}", what, word(expected), found);
    if (expected == Seen::never) {
      EXPECT_EQ(found, 0) << what;
    } else if (expected == Seen::always) {
      EXPECT_GT(found, 0) << what;
    }
  }
  /// 0 where nothing of the kind was judged.
  static std::int64_t count(const boost::json::value& document, std::string_view kind, std::string_view name) {
    for (const auto& each : document.at("invariants").as_array()) {
      if (each.at("kind").as_string() != kind) continue;
      const auto* value = each.at("counts").as_object().if_contains(name);
      return value == nullptr ? 0 : value->as_int64();
    }
    return 0;
  }
  void expect_nothing_left() {
    EXPECT_TRUE(eventually([&] { return world_.processes().empty(); }, 1s)) << "processes are left";
    EXPECT_THAT(world_.leftovers(), IsEmpty());
  }

  World world_;
  std::string line_;
};

class LossPointTest : public LossPoints, public testing::WithParamInterface<Row> {};

TEST_P(LossPointTest, ShowsWhatIsExpected) {
  const Row& row = GetParam();
  TroopCommand troop{world_,
                     {"run", std::string{"loss-points/"} + row.scenario, "--out", world_.run_directory().string()}};
  const int code = troop.exit_code(run_max);
  EXPECT_EQ(code, 0) << troop.output() << troop.errors();
  const auto document = run_json(world_);
  ASSERT_TRUE(document.is_object()) << troop.output() << troop.errors();
  compare("lost", row.lost, count(document, "delivery", "lost"));
  if (row.vanished != Seen::maybe) compare("vanished", row.vanished, count(document, "delivery", "vanished"));
  compare("duplicated", row.duplicated, count(document, "delivery", "duplicated"));
  compare("redelivered", row.redelivered, count(document, "delivery", "redelivered"));
  compare("reordered", row.reordered, count(document, "order", "inversions"));
  if (row.sink != nullptr) compare(row.sink, Seen::always, count(document, "accounting", row.sink));
  std::cout << fmt::format("{} | {}{} | {}\n", row.configuration, row.scenario, line_, code == 0 ? "pass" : "NOT PASS");
  expect_nothing_left();
}

constexpr Seen never = Seen::never, always = Seen::always, maybe = Seen::maybe;

INSTANTIATE_TEST_SUITE_P(
    , LossPointTest,
    testing::ValuesIn(std::vector<Row>{
        {"no confirms; broker killed", "no-confirms", never, never, never, never, always},
        {"confirms, no resends; broker killed", "unknown-outcome"},
        {"confirms, resends; broker killed", "resend-duplicates", never, always, always},
        {"not mandatory, nothing bound", "nothing-bound", always},
        {"queue not durable; broker restarted", "volatile-queue", always, maybe},
        {"ack after the effect; consumer killed", "ack-after-effect"},
        {"ack before the effect; consumer killed", "ack-before-effect", always},
        {"nothing remembered; broker killed", "effect-twice", never, maybe},
        {"ids remembered; broker killed", "effect-once-by-id", never, maybe},
        {"status with the effect; broker killed", "effect-once-by-status", never, maybe},
        {"poison; rejected to a dead-letter queue", "poison-dead-lettered", never, never, never, never, maybe,
         "dead-lettered"},
        {"poison; republished; consumer killed", "poison-republished", never, never, maybe, never, maybe,
         "dead-lettered"},
        {"poison; republished, nothing bound", "poison-republished-nowhere", always},
        {"poison; requeued without a limit", "poison-requeued", never, never, always, never, maybe, "queued"},
        {"poison; delivery limit, dead-letter queue", "poison-limited", never, never, always, never, maybe,
         "dead-lettered"},
        {"poison; delivery limit, none", "poison-limited-nowhere", always, never, always},
        {"message TTL, dead-letter queue", "expired-dead-lettered", never, never, never, never, maybe, "expired"},
        {"message TTL, dead-letter exchange missing", "expired-nowhere", always, never, never},
        {"max-length, drop-head", "full-drops-oldest", always, never, never},
        {"max-length, reject-publish", "full-rejects", never, never, never},
        {"queue TTL; consumers down", "queue-expires", always, maybe},
        {"backlog; consumers down", "backlog"},
        {"priorities, backlog", "priorities", never, never, never, always},
        {"single active consumer, failover", "single-active-consumer"},
        {"quorum, settled; broker killed", "quorum-kill", never, maybe},
    }),
    [](const auto& each) {
      std::string name = each.param.scenario;
      std::ranges::replace(name, '-', '_');
      return name;
    });

/// A real defect of RabbitMQ 3.10.8. What is confirmed and out of reach is not called lost, and not called well.
TEST_F(LossPoints, FindsThatAYoungQuorumQueueDoesNotComeBack) {
  TroopCommand troop{
      world_, {"run", "loss-points/quorum-kill-at-once", "--out", world_.run_directory().string(), "--seed", "7"}};
  EXPECT_EQ(troop.exit_code(run_max), 1) << troop.output() << troop.errors();
  const auto document = run_json(world_);
  EXPECT_EQ(judgement(document, "recovery").at("outcome").as_string(), "violated");
  EXPECT_EQ(judgement(document, "delivery").at("outcome").as_string(), "unknown");
  EXPECT_GT(count(document, "delivery", "confirmed"), count(document, "delivery", "delivered"));
  EXPECT_EQ(count(document, "delivery", "lost"), 0);
  std::cout << fmt::format("quorum, killed at once | confirmed {}, delivered {}\n",
                           count(document, "delivery", "confirmed"), count(document, "delivery", "delivered"));
  expect_nothing_left();
}

}  // namespace
}  // namespace troop::test
