// Producers and consumers against a real RabbitMQ: what they record must be what happened.
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>
#include <tuple>

#include "common/clock.hpp"
#include "tests/support/plain_amqp.hpp"
#include "tests/support/private_broker.hpp"
#include "tests/support/shared_broker.hpp"
#include "tests/support/worker_process.hpp"

namespace troop {
namespace {

using agents::WorkerCommand;
using agents::WorkerConfig;
using agents::WorkerState;
using protocol::Record;
using protocol::RecordError;
using protocol::RecordKind;
using test::PrivateBroker;
using test::WorkerProcess;

class WorkersTest : public testing::Test {
 protected:
  static void TearDownTestSuite() { broker_.end(); }

  void SetUp() override {
    const auto started = broker_.start();
    ASSERT_TRUE(started) << started.error().context;
    good_ = true;
    workload_.queue.name = testing::UnitTest::GetInstance()->current_test_info()->name();
    workload_.rate = 500;
    workload_.publish.retry.initial = std::chrono::milliseconds{100};
    workload_.publish.retry.max = std::chrono::milliseconds{500};
  }
  void TearDown() override {
    workers_.clear();
    if (!good_) return;
    delete_queue();
    broker_.expect_as_before();
  }

  WorkerProcess& start(WorkerConfig::Role role, std::int64_t number = 1) {
    auto config = worker_config(role, number, workload_);
    config.seed = 7;
    auto worker = WorkerProcess::start(config, broker_->address());
    EXPECT_TRUE(worker) << worker.error().context;
    workers_.push_back(std::make_unique<Watched>(Watched{std::move(worker.value()), {}}));
    return workers_.back()->process;
  }
  WorkerProcess& producer(std::int64_t number = 1) { return start(WorkerConfig::Role::producer, number); }
  WorkerProcess& consumer(std::int64_t number = 1) { return start(WorkerConfig::Role::consumer, number); }

  /// Reads the rings, as an agent would, until `done` or the time is up.
  bool until(const std::function<bool()>& done, Duration limit = std::chrono::seconds{40}) {
    const std::int64_t deadline = monotonic_ns() + limit.count();
    while (monotonic_ns() < deadline) {
      drain();
      if (done()) return true;
      usleep(2000);
    }
    drain();
    return done();
  }
  void drain() {
    for (auto& each : workers_) each->process.drain(each->records);
  }
  /// finish, wait for the exit, take the last records; the exit code.
  int finish(WorkerProcess& worker) {
    worker.ring().command(WorkerCommand::finish);
    int code = -1;
    until([&] { return (code = worker.exit_code()) != -1; });
    drain();
    return code;
  }
  const std::vector<Record>& records(const WorkerProcess& worker) {
    for (auto& each : workers_) {
      if (&each->process == &worker) return each->records;
    }
    ADD_FAILURE() << "no such worker";
    return workers_.front()->records;
  }
  std::size_t count(const WorkerProcess& worker, RecordKind kind) {
    std::size_t n = 0;
    for (const Record& record : records(worker)) n += record.kind == kind ? 1 : 0;
    return n;
  }
  std::size_t count(const WorkerProcess& worker, RecordKind kind, RecordError error) {
    std::size_t n = 0;
    for (const Record& record : records(worker)) n += record.kind == kind && record.error == error ? 1 : 0;
    return n;
  }
  std::set<std::uint64_t> sequences(const WorkerProcess& worker, RecordKind kind) {
    std::set<std::uint64_t> found;
    for (const Record& record : records(worker)) {
      if (record.kind == kind) found.insert(record.seq);
    }
    return found;
  }
  std::uint32_t depth() {
    const auto found = agents::queue_depth(broker_->address(), workload_.queue.name, std::chrono::seconds{5});
    EXPECT_TRUE(found);
    return found ? found.value().ready : 0;
  }

  void delete_queue() {
    test::PlainAmqp client{broker_->address()};
    ASSERT_TRUE(client.good());
    EXPECT_TRUE(client.delete_queue(workload_.queue.name));
  }

  /// Rules that hold for every producer's records, whatever happened.
  void expect_orderly(const WorkerProcess& worker) {
    std::map<std::uint64_t, Record> open;
    std::set<std::uint64_t> ops;
    std::map<std::uint64_t, std::uint16_t> attempts;
    std::int64_t time = 0;
    for (const Record& record : records(worker)) {
      EXPECT_GE(record.time, time);
      time = record.time;
      if (record.kind == RecordKind::publish_invoke) {
        EXPECT_TRUE(ops.insert(record.op).second) << "op used twice";
        EXPECT_EQ(record.attempt, ++attempts[record.seq]);
        EXPECT_LE(record.intended, record.time);
        open[record.op] = record;
      } else if (record.kind <= RecordKind::publish_info) {
        ASSERT_EQ(open.count(record.op), 1U) << "a completion without an invoke, or a second one";
        EXPECT_EQ(open[record.op].seq, record.seq);
        EXPECT_EQ(open[record.op].attempt, record.attempt);
        EXPECT_EQ(open[record.op].key, record.key);
        open.erase(record.op);
      }
    }
    EXPECT_TRUE(open.empty()) << open.size() << " attempts without a completion";
  }

  struct Watched {
    WorkerProcess process;
    std::vector<Record> records;
  };
  static inline test::SharedBroker<PrivateBroker> broker_;
  bool good_ = false;
  model::Workload workload_;
  std::vector<std::unique_ptr<Watched>> workers_;
};

/// These stop the broker, each its own.
class WorkersOutageTest : public WorkersTest {
 protected:
  void TearDown() override {
    if (good_) static_cast<void>(broker_->signal(SIGCONT));
    WorkersTest::TearDown();
  }
};

TEST_F(WorkersTest, PublishesOnScheduleAndDeliversEverythingOnce) {
  workload_.producers = 2;
  workload_.rate = 1000;
  auto& first = producer(1);
  auto& second = producer(2);
  auto& taker = consumer();
  ASSERT_TRUE(
      until([&] { return count(first, RecordKind::publish_ok) > 400 && count(second, RecordKind::publish_ok) > 400; }));
  EXPECT_EQ(finish(first), 0);
  EXPECT_EQ(finish(second), 0);
  EXPECT_EQ(first.ring().state(), WorkerState::closed_cleanly);
  const std::size_t published = first.counters().confirmed.get() + second.counters().confirmed.get();
  ASSERT_TRUE(until([&] { return count(taker, RecordKind::ack) == published; }));
  EXPECT_EQ(finish(taker), 0);
  EXPECT_EQ(taker.ring().state(), WorkerState::closed_cleanly);
  EXPECT_EQ(taker.counters().close_proven.get(), 1U);
  EXPECT_EQ(count(taker, RecordKind::deliver), published);
  EXPECT_EQ(depth(), 0U);
  expect_orderly(first);
  expect_orderly(second);

  std::set<std::tuple<int, std::uint64_t>> delivered;
  std::map<std::tuple<int, std::uint32_t>, std::uint64_t> last;
  for (const Record& record : records(taker)) {
    if (record.kind != RecordKind::deliver) continue;
    EXPECT_TRUE(delivered.insert({record.producer, record.seq}).second);
    auto& before = last[{record.producer, record.key}];
    EXPECT_GT(record.seq, before);
    before = record.seq;
    EXPECT_EQ((record.key - 1) % 2 + 1, record.producer);
    EXPECT_EQ(record.channel, 1U);
    EXPECT_EQ(record.attempt, 1);
  }
  // 500 messages a second, each 2 ms after the one before, whatever the round trips took.
  std::int64_t previous = 0;
  for (const Record& record : records(first)) {
    if (record.kind != RecordKind::publish_invoke) continue;
    if (previous != 0) {
      EXPECT_NEAR(static_cast<double>(record.intended - previous), 2e6, 2);
    }
    previous = record.intended;
  }
}

TEST_F(WorkersOutageTest, LosesNothingConfirmedWhenTheBrokerCrashesAndInvokesOnTimeMeanwhile) {
  workload_.publish.retry.attempts = 200;  // outlasts any start of a broker
  auto& maker = producer();
  auto& taker = consumer();
  ASSERT_TRUE(until([&] { return count(maker, RecordKind::publish_ok) > 200; }));
  ASSERT_TRUE(broker_->crash_and_restart());
  ASSERT_TRUE(
      until([&] { return maker.ring().state() == WorkerState::connected && maker.counters().backlog.get() == 0; }));
  EXPECT_EQ(finish(maker), 0);
  const auto confirmed = sequences(maker, RecordKind::publish_ok);
  ASSERT_TRUE(until([&] {
    const auto delivered = sequences(taker, RecordKind::ack);
    return std::includes(delivered.begin(), delivered.end(), confirmed.begin(), confirmed.end());
  }));
  EXPECT_EQ(finish(taker), 0);
  expect_orderly(maker);
  EXPECT_EQ(count(maker, RecordKind::connection_lost), 1U);
  EXPECT_EQ(count(maker, RecordKind::connection_up), 2U);
  EXPECT_EQ(sequences(maker, RecordKind::publish_invoke), confirmed) << "every message got through in the end";

  std::int64_t latest = 0;
  std::uint64_t resent = 0;
  bool fresh = false;
  std::int64_t up = 0;
  for (const Record& record : records(maker)) {
    if (record.kind == RecordKind::connection_up) up = record.time;
    if (record.kind != RecordKind::publish_invoke) continue;
    if (record.attempt == 1) latest = std::max(latest, record.time - record.intended);
    if (record.attempt > 1) {
      EXPECT_GT(record.seq, resent) << "resends in sequence order";
      EXPECT_GE(record.time, up);
      resent = record.seq;
    }
    fresh |= record.attempt == 1 && record.time > up;
  }
  EXPECT_TRUE(fresh);
  EXPECT_LT(latest, 1'000'000'000) << "an outage of seconds must not delay an invoke";
  std::set<std::uint32_t> epochs;
  for (const Record& record : records(taker)) epochs.insert(record.channel);
  EXPECT_GE(epochs.size(), 2U);
}

TEST_F(WorkersOutageTest, CallsWhatAPausedBrokerDoesNotAnswerIndeterminate) {
  workload_.publish.retry.timeout = std::chrono::milliseconds{400};
  workload_.publish.retry.attempts = 50;
  auto& maker = producer();
  ASSERT_TRUE(until([&] { return count(maker, RecordKind::publish_ok) > 100; }));
  ASSERT_TRUE(broker_->signal(SIGSTOP));
  EXPECT_TRUE(until([&] { return count(maker, RecordKind::publish_info, RecordError::timeout) > 100; }));
  ASSERT_TRUE(broker_->signal(SIGCONT));
  EXPECT_EQ(finish(maker), 0);
  expect_orderly(maker);
  EXPECT_EQ(sequences(maker, RecordKind::publish_ok), sequences(maker, RecordKind::publish_invoke));
  EXPECT_GE(depth(), sequences(maker, RecordKind::publish_ok).size());
}

TEST_F(WorkersOutageTest, GivesUpVisiblyWhenTheBrokerStaysAway) {
  workload_.publish.retry.attempts = 3;
  workload_.publish.retry.initial = workload_.publish.retry.max = std::chrono::milliseconds{50};
  auto& maker = producer();
  ASSERT_TRUE(until([&] { return count(maker, RecordKind::publish_ok) > 20; }));
  ASSERT_TRUE(broker_->stop());
  EXPECT_TRUE(until([&] { return count(maker, RecordKind::publish_fail, RecordError::retries_exhausted) > 20; }));
  ASSERT_TRUE(broker_->start_again());
  const auto confirmed = count(maker, RecordKind::publish_ok);
  EXPECT_TRUE(until([&] { return count(maker, RecordKind::publish_ok) > confirmed + 20; }));
  EXPECT_EQ(finish(maker), 0);
  expect_orderly(maker);
}

TEST_F(WorkersTest, ContinuesNumbersAfterAWorkerIsKilledAndStartedAgain) {
  auto& maker = producer();
  auto& taker = consumer();
  ASSERT_TRUE(until([&] { return count(taker, RecordKind::ack) > 200; }));
  maker.kill();
  taker.kill();
  drain();
  const std::uint64_t before = *sequences(maker, RecordKind::publish_invoke).rbegin();
  ASSERT_TRUE(maker.restart());
  ASSERT_TRUE(taker.restart());
  ASSERT_TRUE(until([&] { return count(maker, RecordKind::publish_ok) > 500; }));
  EXPECT_EQ(finish(maker), 0);
  const auto confirmed = sequences(maker, RecordKind::publish_ok);
  ASSERT_TRUE(until([&] {
    const auto settled = sequences(taker, RecordKind::ack);
    return std::includes(settled.begin(), settled.end(), confirmed.begin(), confirmed.end());
  }));
  EXPECT_EQ(finish(taker), 0);
  std::map<std::uint64_t, int> invoked;
  std::set<std::uint32_t> channels;
  for (const Record& record : records(maker)) {
    if (record.kind == RecordKind::publish_invoke) ++invoked[record.seq];
    if (record.kind == RecordKind::connection_up) channels.insert(record.channel);
  }
  EXPECT_GT(invoked.rbegin()->first, before);
  for (const auto& [seq, times] : invoked) EXPECT_EQ(times, 1) << seq;
  EXPECT_EQ(channels, (std::set<std::uint32_t>{1, 2}));
  // What was delivered had been invoked: nothing is unexpected, although the producer died without a warning.
  for (const std::uint64_t seq : sequences(taker, RecordKind::deliver)) EXPECT_EQ(invoked.count(seq), 1U) << seq;
}

TEST_F(WorkersTest, FailsWhatIsReturnedBecauseTheQueueIsGone) {
  auto& maker = producer();
  ASSERT_TRUE(until([&] { return count(maker, RecordKind::publish_ok) > 20; }));
  delete_queue();
  EXPECT_TRUE(until([&] { return count(maker, RecordKind::publish_fail, RecordError::returned) > 20; }));
  EXPECT_EQ(finish(maker), 0);
  expect_orderly(maker);
}

TEST_F(WorkersTest, ConsumesAgainAfterTheBrokerCancelledTheConsumer) {
  auto& taker = consumer();
  ASSERT_TRUE(until([&] { return taker.ring().state() == WorkerState::connected; }));
  delete_queue();
  ASSERT_TRUE(until([&] { return count(taker, RecordKind::connection_cancelled) == 1; }));
  auto& maker = producer();
  EXPECT_TRUE(until([&] { return count(taker, RecordKind::ack) > 20; }));
  EXPECT_EQ(finish(maker), 0);
  EXPECT_EQ(finish(taker), 0);
}

TEST_F(WorkersTest, RecordsAndSettlesMessagesThatAreNotOurs) {
  auto& taker = consumer();
  ASSERT_TRUE(until([&] { return taker.ring().state() == WorkerState::connected; }));
  test::PlainAmqp client{broker_->address()};
  ASSERT_TRUE(client.good());
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(client.publish(workload_.queue.name, i == 1 ? "" : "hello"));
  ASSERT_TRUE(until([&] { return taker.counters().settled.get() == 3; }));
  EXPECT_EQ(finish(taker), 0);
  EXPECT_EQ(sequences(taker, RecordKind::deliver_foreign), (std::set<std::uint64_t>{1, 2, 3}));
  EXPECT_EQ(depth(), 0U);
}

TEST_F(WorkersTest, LosesMessagesInTheHandsOfAKilledConsumerThatNeverAcknowledges) {
  workload_.consume.ack = model::Consume::Ack::none;
  workload_.consume.work = std::chrono::milliseconds{20};
  auto& taker = consumer();
  auto& maker = producer();
  ASSERT_TRUE(
      until([&] { return count(taker, RecordKind::deliver) > 10 && count(maker, RecordKind::publish_ok) > 200; }));
  taker.kill();
  EXPECT_EQ(finish(maker), 0);
  drain();
  EXPECT_EQ(count(taker, RecordKind::ack), 0U);
  EXPECT_LT(count(taker, RecordKind::deliver) + depth(), count(maker, RecordKind::publish_ok));
}

TEST_F(WorkersTest, SaysSoWhenTheQueueExistsWithOtherArguments) {
  workload_.queue.durable = true;
  auto& first = producer();
  ASSERT_TRUE(until([&] { return first.ring().state() == WorkerState::connected; }));
  workload_.queue.durable = false;
  auto& second = producer(2);
  EXPECT_TRUE(until([&] { return count(second, RecordKind::connection_channel_closed, RecordError::refused) == 1; }));
  second.ring().command(WorkerCommand::abort);
  int code = -1;
  EXPECT_TRUE(until([&] { return (code = second.exit_code()) != -1; }));
  EXPECT_EQ(code, 3);
  EXPECT_EQ(finish(first), 0);
}

TEST_F(WorkersTest, PublishesOneAtATimeWhenConfirmIsSimple) {
  workload_.publish.confirm = model::Publish::Confirm::simple;
  auto& maker = producer();
  ASSERT_TRUE(until([&] { return count(maker, RecordKind::publish_ok) > 100; }));
  EXPECT_EQ(finish(maker), 0);
  expect_orderly(maker);
  EXPECT_LE(maker.counters().in_flight.get(), 1U);
}

TEST_F(WorkersTest, CallsEveryPublishWithoutConfirmsIndeterminate) {
  workload_.publish.confirm = model::Publish::Confirm::none;
  auto& maker = producer();
  ASSERT_TRUE(until([&] { return count(maker, RecordKind::publish_info, RecordError::unconfirmed) > 100; }));
  EXPECT_EQ(finish(maker), 0);
  expect_orderly(maker);
  EXPECT_EQ(depth(), count(maker, RecordKind::publish_info));
}

}  // namespace
}  // namespace troop
