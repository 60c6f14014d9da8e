// What RabbitMQ may lose, duplicate and reorder: the library's loss points run as a user runs them, and what is
// expected stands beside what was found.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "tests/support/outcome_rows.hpp"
#include "tests/support/troop_test.hpp"

namespace troop::test {
namespace {

using testing::IsEmpty;

constexpr Duration run_max = 150s;

class LossPoints : public TroopTest<testing::Test> {};

/// The events of the world's history that are about `f`.
void for_each_event(const World& world, std::string_view f,
                    const std::function<void(const boost::json::object&)>& see) {
  const std::string about = "\"f\":\"" + std::string{f} + "\"";
  std::ifstream history{world.run_directory() / "history.ndjson"};
  for (std::string line; std::getline(history, line);) {
    if (line.find(about) != std::string::npos) see(boost::json::parse(line).as_object());
  }
}

std::string text(const boost::json::object& event, std::string_view name) {
  return std::string{event.at(name).as_string()};
}

/// Deliveries of delayed messages before their time: the routing key of a publish says how long it is delayed.
std::int64_t count_early(const World& world, const boost::json::value&) {
  std::map<std::string, std::int64_t> due;  // of each message's first attempt, in run time
  for_each_event(world, "publish", [&](const boost::json::object& event) {
    if (event.at("type") != "invoke") return;
    const std::string delay = text(event, "routing_key");
    const std::int64_t unit = delay.ends_with("ms") ? 1'000'000 : 1'000'000'000;
    due.try_emplace(text(event, "id"), event.at("time").as_int64() + std::stoll(delay) * unit);
  });
  std::int64_t early = 0, seen = 0;
  for_each_event(world, "deliver", [&](const boost::json::object& event) {
    ++seen;
    if (event.at("time").as_int64() < due.at(text(event, "id"))) ++early;
  });
  EXPECT_GT(seen, 1000);
  return early;
}

/// First deliveries behind a later message of their key that another consumer got.
std::int64_t count_across_consumers(const World& world, const boost::json::value&) {
  struct Latest {
    std::int64_t seq = -1;
    std::string consumer;
  };
  std::map<std::string, Latest> latest;  // by producer and key
  std::int64_t behind = 0;
  for_each_event(world, "deliver", [&](const boost::json::object& event) {
    if (event.at("attempt").as_int64() != 1 || event.contains("redelivered")) return;
    Latest& newest = latest[text(event, "producer") + " " + text(event, "key")];
    const std::int64_t seq = event.at("seq").as_int64();
    if (seq < newest.seq && newest.consumer != text(event, "process")) ++behind;
    if (seq > newest.seq) newest = {seq, text(event, "process")};
  });
  return behind;
}

std::int64_t count_recovered(const World&, const boost::json::value& judged) {
  return count_or_0(judged, "delivery", "recovered");
}
std::int64_t count_double(const World&, const boost::json::value& judged) {
  return count_or_0(judged, "effect", "double");
}
std::int64_t count_effects_lost(const World&, const boost::json::value& judged) {
  return count_or_0(judged, "effect", "lost");
}

/// 1: a drain that was given up only when nothing had been settled for 20 s.
std::int64_t count_patient_drains(const World& world, const boost::json::value&) {
  const auto document = run_json(world);
  for (const auto& phase : document.at("phases").as_array()) {
    if (phase.at("name") != "drain") continue;
    return phase.at("end_ns").as_int64() - phase.at("start_ns").as_int64() >= Duration{20s}.count() ? 1 : 0;
  }
  ADD_FAILURE() << "there was no drain";
  return 0;
}

/// Milliseconds that the longest wait of a caller was longer than a second.
std::int64_t count_held_up(const World& world, const boost::json::value&) {
  return std::max<std::int64_t>(run_json(world).at("counts").at("caller_wait_ms_max").as_int64() - 1000, 0);
}

struct Case {
  const char* scenario;
  Outcome outcome;
  friend void PrintTo(const Case& c, std::ostream* out) { *out << c.scenario; }
};

class LossPointTest : public LossPoints, public testing::WithParamInterface<Case> {
 protected:
  static std::string scenario() { return std::string{"loss-points/"} + GetParam().scenario; }
};

std::string name_of(const testing::TestParamInfo<Case>& info) {
  std::string name = info.param.scenario;
  std::ranges::replace(name, '-', '_');
  return name;
}

TEST_P(LossPointTest, ShowsWhatIsExpected) {
  TroopCommand troop{world_, {"run", scenario(), "--out", world_.run_directory().string()}};
  EXPECT_EQ(troop.exit_code(run_max), 0) << everything(troop);
  expect_outcome(world_, scenario(), GetParam().outcome);
  expect_nothing_left();
}

constexpr Seen never = Seen::never, always = Seen::always, maybe = Seen::maybe;

INSTANTIATE_TEST_SUITE_P(
    , LossPointTest,
    testing::ValuesIn(std::vector<Case>{
        {"no-confirms", {.rows = {1}, .vanished = always}},
        {"unknown-outcome", {.rows = {2}, .redelivered = maybe, .vanished = maybe}},
        {"resend-duplicates", {.rows = {3}, .duplicated = always, .redelivered = maybe}},
        {"alarm-impatient", {.rows = {20}, .duplicated = always}},
        {"effect-twice",
         {.rows = {3}, .duplicated = always, .redelivered = maybe, .more = {{"double effects", always, count_double}}}},
        {"effect-once-by-id",
         {.rows = {3}, .duplicated = always, .redelivered = maybe, .more = {{"double effects", never, count_double}}}},
        {"effect-once-by-status",
         {.rows = {3}, .duplicated = always, .redelivered = maybe, .more = {{"double effects", never, count_double}}}},
        {"nothing-bound", {.rows = {4}, .lost = always}},
        {"volatile-queue", {.rows = {5}, .lost = always, .duplicated = maybe, .redelivered = maybe}},
        {"quorum-kill", {.rows = {9}, .duplicated = maybe, .redelivered = maybe}},
        {"ack-after-effect",
         {.rows = {11}, .redelivered = maybe, .more = {{"lost effects", never, count_effects_lost}}}},
        {"ack-before-effect",
         {.rows = {12}, .lost = always, .redelivered = maybe, .more = {{"lost effects", always, count_effects_lost}}}},
        {"poison-requeued",
         {.rows = {13},
          .redelivered = always,
          .sink = "queued",
          .more = {{"patient drain", never, count_patient_drains}}}},
        {"poison-limited", {.rows = {13, 15}, .redelivered = always, .sink = "dead-lettered"}},
        {"poison-limited-nowhere", {.rows = {15}, .lost = always, .redelivered = always}},
        {"poison-rejected-nowhere", {.rows = {14}, .sink = "rejected"}},
        {"poison-dead-lettered", {.rows = {14}, .sink = "dead-lettered"}},
        {"expired-nowhere", {.rows = {16}, .lost = always}},
        {"expired-dead-lettered", {.rows = {16, 17}, .sink = "expired"}},
        {"queue-expires", {.rows = {17}, .lost = always, .duplicated = maybe, .redelivered = maybe}},
        {"full-drops-oldest", {.rows = {18}, .lost = always}},
        {"full-rejects", {.rows = {18, 19}}},
        {"fan-out-rejects",
         {.rows = {19},
          .duplicated = always,
          .vanished = maybe,
          .more = {{"nacked yet there", always, count_recovered}, {"double effects", never, count_double}}}},
        {"backlog",
         {.rows = {21}, .redelivered = maybe, .more = {{"across consumers", always, count_across_consumers}}}},
        {"priorities", {.rows = {21}, .reordered = always}},
        {"single-active-consumer", {.rows = {22}, .redelivered = maybe}},
        {"poison-republished", {.rows = {25}, .redelivered = maybe, .sink = "dead-lettered"}},
        {"poison-republished-nowhere", {.rows = {25}, .lost = always}},
        {"exchange-missing", {.rows = {25}, .vanished = always}},
        {"delayed-restart",
         {.rows = {25},
          .duplicated = maybe,
          .redelivered = maybe,
          .reordered = always,
          .more = {{"early", never, count_early}}}},
        {"burst", {.rows = {25}, .redelivered = maybe}},
        {"callers-wait",
         {.rows = {25},
          .duplicated = maybe,
          .redelivered = maybe,
          .more = {{"callers held up", always, count_held_up}}}},
    }),
    name_of);

/// Where RabbitMQ has the delayed-message plugin, or TROOP_TEST_PLUGINS_DIR says where it is. Debian does not have it.
class DelayPluginTest : public LossPointTest {
 protected:
  void SetUp() override {
    const char* chosen = std::getenv("TROOP_TEST_PLUGINS_DIR");
    if (chosen != nullptr) sets_.push_back(fmt::format("system.broker.plugins_dir=\"{}\"", chosen));
    auto rehearsal = run_arguments(scenario(), sets_);
    rehearsal.emplace_back("--dry-run");
    TroopCommand troop{world_, rehearsal};
    if (troop.exit_code(run_max) == 0) return;
    ASSERT_NE(troop.errors().find("has no plugin"), std::string::npos) << everything(troop);
    ASSERT_EQ(chosen, nullptr) << everything(troop);
    GTEST_SKIP() << troop.errors();
  }
  std::vector<std::string> sets_;
};

TEST_P(DelayPluginTest, ShowsWhatIsExpected) {
  TroopCommand troop{world_, run_arguments(scenario(), sets_)};
  EXPECT_EQ(troop.exit_code(run_max), 0) << everything(troop);
  EXPECT_GT(count_of(run_json(world_), "delivery", "confirmed"), 1000);
  expect_outcome(world_, scenario(), GetParam().outcome);
  expect_nothing_left();
}

INSTANTIATE_TEST_SUITE_P(, DelayPluginTest,
                         testing::ValuesIn(std::vector<Case>{
                             {"delayed-plugin-restart",
                              {.rows = {25},
                               .lost = always,
                               .duplicated = maybe,
                               .redelivered = maybe,
                               .reordered = always,
                               .more = {{"early", never, count_early}}}},
                             {"delayed-plugin-kill",
                              {.rows = {25},
                               .lost = always,
                               .duplicated = maybe,
                               .redelivered = maybe,
                               .reordered = always,
                               .more = {{"early", never, count_early}}}},
                         }),
                         name_of);

/// A real defect of RabbitMQ 3.10.8. What is confirmed and out of reach is not called lost, and not called well. A busy
/// machine may miss the second in which it shows; then the run passes, and the next one tries again.
TEST_F(LossPoints, FindsThatAYoungQuorumQueueDoesNotComeBack) {
  const std::string scenario = "loss-points/quorum-kill-at-once";
  constexpr int tries = 3;
  for (int attempt = 1; attempt <= tries; ++attempt) {
    World world;
    TroopCommand troop{world, {"run", scenario, "--out", world.run_directory().string(), "--seed", "7"}};
    const int code = troop.exit_code(run_max / 2);
    if (code == 0 && attempt < tries) continue;
    ASSERT_EQ(code, 1) << troop.output() << troop.errors();
    const auto document = run_json(world);
    EXPECT_EQ(judgement(document, "recovery").at("outcome").as_string(), "violated");
    EXPECT_EQ(judgement(document, "delivery").at("outcome").as_string(), "unknown");
    const auto out_of_reach = [](const World&, const boost::json::value& judged) {
      return count_or_0(judged, "delivery", "confirmed") - count_or_0(judged, "delivery", "delivered");
    };
    expect_outcome(world, scenario,
                   {.rows = {9},
                    .duplicated = maybe,
                    .redelivered = maybe,
                    .vanished = maybe,
                    .more = {{"out of reach", always, out_of_reach}}});
    EXPECT_TRUE(eventually([&] { return world.processes().empty(); }, 5s)) << "processes are left";
    EXPECT_THAT(world.leftovers(), IsEmpty());
    break;
  }
}

}  // namespace
}  // namespace troop::test
