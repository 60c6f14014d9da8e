// A producer and a consumer that are killed two hundred times each while they work: whatever they did is on record.
//
// The count does not come from them. Each message goes to two queues, one that the consumer works on and one that
// nobody reads, and in the end a plain client reads both to their ends:
//
//   stored         what the unread queue holds: all that the producer ever published
//   left           what the consumer's queue still holds
//   stored - left  what the broker counts as acknowledged: here it forgets a message for no other reason
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <string>
#include <tuple>

#include "agents/workers/message.hpp"
#include "common/clock.hpp"
#include "common/ids.hpp"
#include "tests/support/plain_amqp.hpp"
#include "tests/support/private_broker.hpp"
#include "tests/support/worker_process.hpp"

namespace troop {
namespace {

using agents::RingCounters;
using agents::WorkerCommand;
using agents::WorkerConfig;
using protocol::Record;
using protocol::RecordKind;
using test::PrivateBroker;
using test::WorkerProcess;
using testing::ElementsAre;
using testing::IsEmpty;

/// One attempt to publish one message: producer, sequence number, attempt.
using Attempt = std::tuple<int, std::uint64_t, int>;
using Attempts = std::set<Attempt>;

Attempts operator-(const Attempts& all, const Attempts& without) {
  Attempts out;
  std::ranges::set_difference(all, without, std::inserter(out, out.end()));
  return out;
}

/// What the workers recorded.
struct Recorded {
  Attempts invoked{}, confirmed{}, delivered{}, acknowledged{};
  std::size_t redelivered = 0;  ///< Deliveries of what a killed consumer had in its hands.

  void take(const Record& record) {
    const Attempt attempt{record.producer, record.seq, record.attempt};
    switch (record.kind) {
      case RecordKind::publish_invoke:
        invoked.insert(attempt);
        return;
      case RecordKind::publish_ok:
        confirmed.insert(attempt);
        return;
      case RecordKind::deliver:
        delivered.insert(attempt);
        redelivered += (record.flags & Record::redelivered) != 0 ? 1 : 0;
        return;
      case RecordKind::ack:
        acknowledged.insert(attempt);
        return;
      default:
        return;
    }
  }
};

/// What the broker holds.
struct Found {
  Attempts stored, left;
};

/// Everything that cannot be if evidence survives: all of it is empty then.
struct Gaps {
  Attempts published_unrecorded;
  Attempts delivered_unrecorded;
  Attempts acknowledged_unrecorded;
  Attempts confirmed_but_absent;
  Attempts delivered_but_never_published;
};

Gaps gaps(const Recorded& recorded, const Found& found) {
  const Attempts gone = found.stored - found.left;
  return {found.stored - recorded.invoked, gone - recorded.delivered, gone - recorded.acknowledged,
          recorded.confirmed - found.stored, recorded.delivered - found.stored};
}

/// A worker that is killed at moments a seed chooses, each time after it was seen at work, and started again at once.
class Victim {
 public:
  Victim(WorkerProcess process, const agents::RingCounter RingCounters::*acts, Random random)
      : process_(std::move(process)), acts_(acts), random_(random) {}

  /// Takes what was recorded, as an agent does; and then, if it is time, kills.
  void step(Recorded& recorded, int kills_wanted) {
    drain(recorded);
    if (kills_ == kills_wanted) return;
    const std::uint64_t acts = (process_.counters().*acts_).get();
    if (acts == acts_before_) return;
    const std::int64_t now = monotonic_ns();
    if (kill_at_ns_ == 0) kill_at_ns_ = now + static_cast<std::int64_t>(random_.below(patience_ns()));
    if (now < kill_at_ns_) return;
    kill(recorded);
    ASSERT_TRUE(process_.restart());
  }

  void kill(Recorded& recorded) {
    process_.kill();
    drain(recorded);
    const RingCounters& counters = process_.counters();
    const std::uint64_t acts = (counters.*acts_).get();
    ++kills_;
    kills_at_work_ += acts > acts_before_ ? 1 : 0;
    kills_in_flight_ += counters.in_flight.get() > 0 ? 1 : 0;
    acts_before_ = acts;
    kill_at_ns_ = 0;
  }

  void drain(Recorded& recorded) {
    records_.clear();
    process_.drain(records_);
    for (const Record& record : records_) recorded.take(record);
  }

  WorkerProcess& process() { return process_; }
  [[nodiscard]] int kills() const { return kills_; }
  /// Of these: something was confirmed or delivered to it since it was started.
  [[nodiscard]] int kills_at_work() const { return kills_at_work_; }
  /// Of these: sent messages without an answer died with it. A producer's.
  [[nodiscard]] int kills_in_flight() const { return kills_in_flight_; }

 private:
  /// Half of the kills come while it is busy with what piled up when it was dead.
  std::uint64_t patience_ns() { return kills_ % 2 == 0 ? 10'000'000 : 100'000'000; }

  WorkerProcess process_;
  const agents::RingCounter RingCounters::*acts_;
  Random random_;
  std::vector<Record> records_;
  std::uint64_t acts_before_ = 0;
  std::int64_t kill_at_ns_ = 0;
  int kills_ = 0;
  int kills_at_work_ = 0;
  int kills_in_flight_ = 0;
};

/// Reads `queue` to its end, as its declaration counts it: nobody else may read it or publish to it meanwhile.
Attempts read_out(const agents::AmqpAddress& broker, const std::string& queue) {
  Attempts out;
  const auto depth = agents::queue_depth(broker, queue, std::chrono::seconds{5});
  test::PlainAmqp client{broker};
  if (!depth || !client.good()) {
    ADD_FAILURE() << "cannot read " << queue;
    return out;
  }
  amqp_basic_consume(client.get(), test::PlainAmqp::channel, amqp_cstring_bytes(queue.c_str()), amqp_empty_bytes, 0, 1,
                     0, amqp_empty_table);
  EXPECT_TRUE(client.answered());
  for (std::uint32_t read = 0; read < depth.value().ready; ++read) {
    amqp_maybe_release_buffers(client.get());
    const timeval limit{20, 0};
    amqp_envelope_t envelope;
    if (amqp_consume_message(client.get(), &envelope, &limit, 0).reply_type != AMQP_RESPONSE_NORMAL) {
      ADD_FAILURE() << queue << " ends after " << read << " of " << depth.value().ready << " messages";
      return out;
    }
    const auto headers = agents::read_headers(envelope.message.properties);
    amqp_destroy_envelope(&envelope);
    EXPECT_TRUE(headers) << "a message that is not ours";
    if (headers) {
      EXPECT_TRUE(out.emplace(headers->producer, headers->seq, headers->attempt).second) << "twice: " << headers->seq;
    }
  }
  const auto after = agents::queue_depth(broker, queue, std::chrono::seconds{5});
  EXPECT_TRUE(after && after.value().ready == 0);
  return out;
}

class KilledWorkersTest : public testing::Test {
 protected:
  static constexpr int kills = 200;
  static constexpr std::uint64_t seed = 20'250'611;

  void SetUp() override {
    auto started = PrivateBroker::start();
    ASSERT_TRUE(started) << started.error().context;
    broker_ = std::move(started.value());
    workload_.rate = 4000;
    workload_.payload_bytes = 64;
    workload_.exchange = {.name = "troop.both", .type = model::Exchange::Type::fanout};
    workload_.queue.name = "troop.killed";
    workload_.queue.copies = 2;
  }

  Victim victim(WorkerConfig::Role role, const agents::RingCounter RingCounters::*acts, std::string_view purpose) {
    auto config = worker_config(role, 1, workload_);
    config.seed = seed;
    auto process = WorkerProcess::start(config, broker_->address());
    EXPECT_TRUE(process) << process.error().context;
    return {std::move(process.value()), acts, Random{seed, purpose}};
  }
  static bool until(const std::function<bool()>& done, Duration limit) {
    const std::int64_t deadline = monotonic_ns() + limit.count();
    while (!done() && monotonic_ns() < deadline && !HasFatalFailure()) usleep(1000);
    return done();
  }
  /// Nobody holds anything of it any more.
  bool abandoned(const std::string& queue) {
    const auto depth = agents::queue_depth(broker_->address(), queue, std::chrono::seconds{5});
    return depth && depth.value().consumers == 0;
  }

  std::unique_ptr<PrivateBroker> broker_;
  model::Workload workload_;
  Recorded recorded_;
};

TEST_F(KilledWorkersTest, LeaveNothingUnrecordedThatTheyPublishedOrAcknowledged) {
  Victim consumer = victim(WorkerConfig::Role::consumer, &RingCounters::delivered, "kills of the consumer");
  Victim producer = victim(WorkerConfig::Role::producer, &RingCounters::confirmed, "kills of the producer");
  const std::int64_t begin = monotonic_ns();
  ASSERT_TRUE(until(
      [&] {
        consumer.step(recorded_, kills);
        producer.step(recorded_, kills);
        return consumer.kills() == kills && producer.kills() == kills;
      },
      std::chrono::seconds{200}))
      << consumer.kills() << " kills of the consumer, " << producer.kills() << " of the producer";
  const std::int64_t end = monotonic_ns();

  // The last one leaves something behind, so that both sides of the subtraction count.
  ASSERT_TRUE(until(
      [&] {
        consumer.drain(recorded_);
        return consumer.process().ring().state() == agents::WorkerState::connected;
      },
      std::chrono::seconds{20}));
  consumer.kill(recorded_);
  const std::uint64_t invoked = producer.process().counters().invoked.get();
  ASSERT_TRUE(until(
      [&] {
        producer.drain(recorded_);
        return producer.process().counters().invoked.get() > invoked + 100;
      },
      std::chrono::seconds{20}));
  producer.process().ring().command(WorkerCommand::finish);
  int code = -1;
  ASSERT_TRUE(until(
      [&] {
        producer.drain(recorded_);
        return (code = producer.process().exit_code()) != -1;
      },
      std::chrono::seconds{30}));
  EXPECT_EQ(code, 0);
  producer.drain(recorded_);

  ASSERT_TRUE(until([&] { return abandoned("troop.killed.1"); }, std::chrono::seconds{20}));
  Found found;
  found.left = read_out(broker_->address(), "troop.killed.1");
  found.stored = read_out(broker_->address(), "troop.killed.2");
  fmt::print(
      "{} + {} kills in {:.1f} s, {} with unanswered publishes; {} messages stored, {} delivered, {} of them again, {} "
      "left\n",
      consumer.kills(), producer.kills(), static_cast<double>(end - begin) / 1e9, producer.kills_in_flight(),
      found.stored.size(), recorded_.delivered.size(), recorded_.redelivered, found.left.size());

  const Gaps seen = gaps(recorded_, found);
  EXPECT_THAT(seen.published_unrecorded, IsEmpty());
  EXPECT_THAT(seen.delivered_unrecorded, IsEmpty());
  EXPECT_THAT(seen.acknowledged_unrecorded, IsEmpty());
  EXPECT_THAT(seen.confirmed_but_absent, IsEmpty());
  EXPECT_THAT(seen.delivered_but_never_published, IsEmpty());

  // It was a test of something: every kill hit a worker at work, and most hit messages on their way.
  EXPECT_GE(consumer.kills_at_work(), kills);
  EXPECT_EQ(producer.kills_at_work(), kills);
  EXPECT_GE(producer.kills_in_flight(), kills / 2);
  EXPECT_GE(recorded_.redelivered, static_cast<std::size_t>(kills));
  EXPECT_GE(found.left.size(), 100U);
  EXPECT_GT((found.stored - found.left).size(), 10'000U);
  EXPECT_FALSE((recorded_.invoked - recorded_.confirmed).empty()) << "no confirm died with a producer";

  if (HasFailure()) return;
  // One record less would have been seen.
  const Attempt lost = *std::next((found.stored - found.left).begin(), 5000);
  for (Attempts Recorded::*set : {&Recorded::invoked, &Recorded::delivered, &Recorded::acknowledged}) {
    (recorded_.*set).erase(lost);
  }
  const Gaps without = gaps(recorded_, found);
  EXPECT_THAT(without.published_unrecorded, ElementsAre(lost));
  EXPECT_THAT(without.delivered_unrecorded, ElementsAre(lost));
  EXPECT_THAT(without.acknowledged_unrecorded, ElementsAre(lost));
}

TEST(KilledWorkersCount, NamesWhateverIsMissing) {
  const Attempt one{1, 1, 1};
  const Attempt two{1, 2, 1};
  const Attempt three{1, 3, 1};
  const Found found{.stored = {one, two}, .left = {two}};
  const Recorded whole{
      .invoked = {one, two, three}, .confirmed = {one}, .delivered = {one, two}, .acknowledged = {one}};
  const Gaps none = gaps(whole, found);
  EXPECT_TRUE(none.published_unrecorded.empty() && none.delivered_unrecorded.empty() &&
              none.acknowledged_unrecorded.empty() && none.confirmed_but_absent.empty() &&
              none.delivered_but_never_published.empty());
  const Gaps all = gaps({.confirmed = {three}, .delivered = {three}}, found);
  EXPECT_THAT(all.published_unrecorded, ElementsAre(one, two));
  EXPECT_THAT(all.delivered_unrecorded, ElementsAre(one));
  EXPECT_THAT(all.acknowledged_unrecorded, ElementsAre(one));
  EXPECT_THAT(all.confirmed_but_absent, ElementsAre(three));
  EXPECT_THAT(all.delivered_but_never_published, ElementsAre(three));
}

}  // namespace
}  // namespace troop
