// A relay between workers and broker drops, duplicates or swaps a few secret messages, or none. The verifier, which
// knows of no relay, must name exactly those, and be silent where nothing was done: the real RabbitMQ, the real workers
// as processes of their own, their recorded history, and `troop verify` as a user types it.
#include "tests/support/lying_relay.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>

#include "common/clock.hpp"
#include "common/ids.hpp"
#include "controller/run/recorder.hpp"
#include "scenarios/model/topology.hpp"
#include "tests/support/plain_amqp.hpp"
#include "tests/support/private_broker.hpp"
#include "tests/support/troop_run.hpp"
#include "tests/support/worker_process.hpp"

namespace troop::test {
namespace {

using agents::WorkerCommand;
using agents::WorkerConfig;
using agents::WorkerState;
using Where = LiePlan::Where;

constexpr Duration patience = 60s;
constexpr const char* claims = R"(
[[invariant]]
kind = "delivery"
guarantee = "exactly-once"

[[invariant]]
kind = "order"
per = "key"

[[invariant]]
kind = "accounting"
)";

struct RoundPlan {
  std::string name;
  std::uint64_t seed = 0;
  std::size_t secrets = 0;
  std::vector<Lie> lies;  ///< They take turns; empty where there are no secrets.
  Where where = Where::deliveries;
  std::int64_t payload_bytes = 256;
  std::uint64_t messages = 500;  ///< Of each producer, at least.
};

/// Five kinds of relay, each four times: on either side of the broker; with one secret of each sort, with eight, and
/// with some; with messages without a body, and with a body of several frames.
std::vector<RoundPlan> twenty_rounds() {
  const std::vector<std::pair<std::string, std::vector<Lie>>> kinds{{"honest", {}},
                                                                    {"drops", {Lie::drop}},
                                                                    {"duplicates", {Lie::duplicate}},
                                                                    {"swaps", {Lie::swap}},
                                                                    {"mixes", {Lie::swap, Lie::drop, Lie::duplicate}}};
  std::vector<RoundPlan> rounds;
  for (const auto& [kind, lies] : kinds) {
    for (std::uint64_t turn = 0; turn < 4; ++turn) {
      RoundPlan round;
      round.seed = rounds.size() + 1;
      round.lies = lies;
      round.where = turn % 2 == 0 ? Where::deliveries : Where::publishes;
      round.name = fmt::format("{}-{}-{}", kind, round.where == Where::deliveries ? "deliveries" : "publishes", turn);
      if (!lies.empty()) {
        const std::uint64_t random = lies.size() + Random{round.seed, "k"}.below(9 - lies.size());
        round.secrets = turn == 0 ? lies.size() : turn == 1 ? 8 : random;
      }
      if (turn == 1) round.payload_bytes = 0;
      if (turn == 2) {
        round.payload_bytes = 150'000;  // more than the 128 KiB of a frame
        round.messages = 100;
      }
      rounds.push_back(std::move(round));
    }
  }
  return rounds;
}

class Round {
 public:
  Round(const agents::AmqpAddress& broker, RoundPlan plan) : broker_(broker), plan_(std::move(plan)) {
    workload_.producers = 2;
    // Which of two consumers gets a message is the broker's choice: what was swapped before it would not always show.
    workload_.consumers = plan_.where == Where::deliveries ? 2 : 1;
    // What a busy machine keeps up with: the load does not wait, and what it cannot relay would pile up.
    workload_.rate = plan_.payload_bytes > 100'000 ? 200 : 1000;
    workload_.keys = 8;
    workload_.payload_bytes = plan_.payload_bytes;
    workload_.queue.name = plan_.name;
    // A resent message would be a duplicate that the relay knows nothing of.
    workload_.publish.retry.timeout = patience;
  }

  void play() {
    choose_secrets();
    auto relay = LyingRelay::start(broker_.port, lies_);
    ASSERT_TRUE(relay) << relay.error().context;
    relay_ = std::move(relay.value());
    ASSERT_NO_FATAL_FAILURE(start_workers());
    ASSERT_NO_FATAL_FAILURE(run_to_the_drain());
    expect_that_it_lied();
    ASSERT_NO_FATAL_FAILURE(write_history());
    expect_exactly_what_it_did();
  }
  [[nodiscard]] const LieReport& report() const { return relay_->report(); }

 private:
  struct Worker {
    WorkerProcess process;
    std::string name;
    bool produces;
    std::vector<protocol::Record> records;
  };

  void choose_secrets() {
    Random random{plan_.seed, "secrets"};
    lies_.where = plan_.where;
    lies_.duplicate_after = random.below(20);
    while (lies_.secrets.size() < plan_.secrets) {
      const auto producer = 1 + random.below(2);
      const auto seq = 1 + random.below(plan_.messages);
      const Lie lie = plan_.lies[lies_.secrets.size() % plan_.lies.size()];
      lies_.secrets.emplace(fmt::format("p{}-{}", producer, seq), lie);
    }
  }

  void start_workers() {
    agents::AmqpAddress through_relay = broker_;
    through_relay.port = relay_->port();
    const auto start = [&](WorkerConfig::Role role, std::int64_t number) {
      auto config = worker_config(role, number, workload_);
      config.seed = plan_.seed;
      const std::string name = agents::worker_name(config);
      auto started = WorkerProcess::start(std::move(config), through_relay);
      ASSERT_TRUE(started) << started.error().context;
      workers_.push_back({std::move(started.value()), name, role == WorkerConfig::Role::producer, {}});
    };
    for (std::int64_t n = 1; n <= workload_.consumers; ++n) start(WorkerConfig::Role::consumer, n);
    for (std::int64_t n = 1; n <= workload_.producers; ++n) start(WorkerConfig::Role::producer, n);
  }

  /// Serves the relay and reads the rings, as an agent would, until `done` or the time is up.
  bool until(const std::function<bool()>& done) {
    const std::int64_t deadline = monotonic_ns() + patience.count();
    while (!done()) {
      if (monotonic_ns() > deadline) return false;
      relay_->serve(2ms);
      for (Worker& worker : workers_) worker.process.drain(worker.records);
    }
    return true;
  }
  bool all(bool producers, const std::function<bool(Worker&)>& is) {
    return std::ranges::all_of(workers_, [&](Worker& worker) { return worker.produces != producers || is(worker); });
  }
  void finish(bool producers) {
    for (Worker& worker : workers_) {
      if (worker.produces == producers) worker.process.ring().command(WorkerCommand::finish);
    }
    ASSERT_TRUE(until([&] { return all(producers, [](Worker& each) { return each.process.exit_code() != -1; }); }));
    ASSERT_TRUE(all(producers, [](Worker& each) {
      return each.process.exit_code() == 0 && each.process.ring().state() == WorkerState::closed_cleanly;
    }));
  }
  /// Twice in a row, as every drain of a run asks.
  bool until_empty(std::uint32_t consumers) {
    int empty = 0;
    return until([&] {
      const auto depth = agents::queue_depth(broker_, plan_.name, patience);
      const bool settled = all(false, [](Worker& each) { return each.process.counters().unacked.get() == 0; });
      const bool now = depth && depth.value().ready == 0 && depth.value().consumers == consumers && settled;
      return (empty = now ? empty + 1 : 0) == 2;
    });
  }

  void run_to_the_drain() {
    // The load goes on until every lie is told: one that swaps needs another message of the same key.
    ASSERT_TRUE(until([&] {
      return report().told.size() == plan_.secrets &&
             all(true, [&](Worker& each) { return each.process.counters().confirmed.get() >= plan_.messages; });
    })) << "told "
        << report().told.size();
    ASSERT_NO_FATAL_FAILURE(finish(true));
    ASSERT_TRUE(until_empty(static_cast<std::uint32_t>(workload_.consumers)));
    ASSERT_NO_FATAL_FAILURE(finish(false));
    ASSERT_TRUE(until_empty(0));
    drained_ = monotonic_ns();
    ASSERT_TRUE(until([&] { return relay_->connections() == 0; }));
    for (Worker& worker : workers_) worker.process.drain(worker.records);
  }

  /// By its own count, and with nobody the wiser: no connection was lost, no message came again.
  void expect_that_it_lied() {
    EXPECT_EQ(report().told, lies_.secrets);
    EXPECT_THAT(report().problems, testing::IsEmpty());
    EXPECT_EQ(relay_->connections_ever(), workers_.size());
    std::uint64_t published = 0;
    std::uint64_t delivered = 0;
    const auto told = [&](Lie lie) { return static_cast<std::uint64_t>(count(lie)); };
    for (Worker& worker : workers_) {
      EXPECT_EQ(worker.process.counters().connects.get(), 1U);
      EXPECT_EQ(worker.process.counters().confirmed.get(), worker.process.counters().invoked.get());
      published += worker.process.counters().confirmed.get();
      delivered += worker.process.counters().delivered.get();
    }
    EXPECT_EQ(delivered, published - told(Lie::drop) + told(Lie::duplicate));
    const bool before_the_broker = plan_.where == Where::publishes;
    EXPECT_EQ(report().messages, published) << (before_the_broker ? "publishes" : "deliveries") << " seen";
  }

  void write_history() {
    fs::create_directories(world_.run_directory());
    auto opened = controller::Recorder::open(world_.run_directory(), began_);
    ASSERT_TRUE(opened) << opened.error().context;
    auto& recorder = opened.value();
    std::vector<std::string> names;
    for (const Worker& worker : workers_) names.push_back(worker.name);
    recorder.set_names(names, model::topology_of(workload_));
    const auto info = history::Type::info;
    const auto seed = static_cast<std::int64_t>(plan_.seed);
    recorder.add(began_, {"controller", info, "run", {{"phase", "start"}, {"format", 1}, {"seed", seed}}});
    for (std::size_t i = 0; i < workers_.size(); ++i) {
      recorder.add(protocol::RecordBatch{static_cast<std::uint16_t>(i), workers_[i].records});
    }
    recorder.add(drained_, {"agent-local", history::Type::ok, "drain", {{"queue", plan_.name}}});
    recorder.add(monotonic_ns(), {"controller", info, "run", {{"phase", "stop"}, {"reason", "completed"}}});
    ASSERT_TRUE(recorder.finish());
  }

  [[nodiscard]] std::int64_t count(Lie lie) const {
    return std::ranges::count_if(lies_.secrets, [&](const auto& secret) { return secret.second == lie; });
  }

  void expect_exactly_what_it_did() {
    const fs::path file = world_.root() / "claims.toml";
    std::ofstream{file} << claims;
    TroopCommand troop{world_,
                       {"verify", (world_.run_directory() / "history.ndjson").string(), "--invariants", file.string(),
                        "--format", "json"}};
    const bool lied = !lies_.secrets.empty();
    EXPECT_EQ(troop.exit_code(patience), lied ? 1 : 0) << troop.output() << troop.errors();
    boost::json::error_code failure;
    const auto document = boost::json::parse(troop.output(), failure);
    ASSERT_FALSE(failure) << troop.output();
    EXPECT_EQ(document.at("verdict").as_string(), lied ? "fail" : "pass");
    EXPECT_TRUE(document.at("complete").as_bool());
    EXPECT_EQ(troop.errors(), "");

    std::vector<std::string> expected;
    for (const auto& [id, lie] : lies_.secrets) {
      if (lie == Lie::drop) expected.insert(expected.end(), {"delivery: lost " + id, "accounting: unaccounted " + id});
      if (lie == Lie::duplicate) expected.push_back("delivery: duplicated " + id);
      if (lie == Lie::swap) expected.push_back("order: inversion " + id);
    }
    std::vector<std::string> found;
    for (const auto& each : document.at("invariants").as_array()) {
      const auto kind = std::string_view{each.at("kind").as_string()};
      for (const auto& anomaly : each.at("anomalies").as_array()) {
        found.push_back(fmt::format("{}: {} {}", kind, std::string_view{anomaly.at("kind").as_string()},
                                    std::string_view{anomaly.at("id").as_string()}));
      }
      const bool violated = std::ranges::any_of(expected, [&](const auto& text) { return text.starts_with(kind); });
      EXPECT_EQ(each.at("outcome").as_string(), violated ? "violated" : "holds") << kind;
    }
    EXPECT_THAT(found, testing::UnorderedElementsAreArray(expected));

    const auto expect_count = [&](std::string_view kind, std::string_view name, std::int64_t number) {
      EXPECT_EQ(count_of(document, kind, name), number) << kind << " " << name;
    };
    expect_count("delivery", "lost", count(Lie::drop));
    expect_count("delivery", "duplicated", count(Lie::duplicate));
    expect_count("order", "inversions", count(Lie::swap));
    expect_count("accounting", "unaccounted", count(Lie::drop));
    for (const char* name : {"unexpected", "redelivered", "recovered", "aborted", "failed", "indeterminate"}) {
      expect_count("delivery", name, 0);
    }
    EXPECT_EQ(document.at("invariants").as_array().size(), 4U) << "the three claims and `exercised`";
  }

  const agents::AmqpAddress broker_;
  const RoundPlan plan_;
  const std::int64_t began_ = monotonic_ns();
  std::int64_t drained_ = 0;
  model::Workload workload_;
  LiePlan lies_;
  World world_;
  std::unique_ptr<LyingRelay> relay_;
  std::vector<Worker> workers_;
};

TEST(LyingRelayTest, IsSeenThroughInTwentyOfTwentyRounds) {
  auto broker = PrivateBroker::start();
  ASSERT_TRUE(broker) << broker.error().context;
  const auto& address = broker.value()->address();
  int seen_through = 0;
  for (const RoundPlan& plan : twenty_rounds()) {
    SCOPED_TRACE(plan.name);
    const int failures = testing::UnitTest::GetInstance()->current_test_info()->result()->total_part_count();
    const std::int64_t began = monotonic_ns();
    Round round{address, plan};
    round.play();
    if (HasFatalFailure()) break;  // nothing would be different the next time
    PlainAmqp client{address};
    EXPECT_TRUE(client.good() && client.delete_queue(plan.name));
    const bool good = testing::UnitTest::GetInstance()->current_test_info()->result()->total_part_count() == failures;
    seen_through += good ? 1 : 0;
    fmt::print("{:<24} lied about {} of {} messages: {} ({:.1f} s)\n", plan.name, round.report().told.size(),
               round.report().messages, good ? "exactly these found" : "NOT SEEN THROUGH",
               static_cast<double>(monotonic_ns() - began) * 1e-9);
  }
  fmt::print("{} of 20\n", seen_through);
  EXPECT_EQ(seen_through, 20);
}

}  // namespace
}  // namespace troop::test
