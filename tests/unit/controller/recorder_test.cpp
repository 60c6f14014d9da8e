#include "controller/run/recorder.hpp"

#include <gmock/gmock.h>

#include <fstream>
#include <iterator>
#include <optional>

#include "common/ids.hpp"
#include "reports/history/reader.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/unit/controller/publishes.hpp"

namespace troop::controller {
namespace {

namespace fs = std::filesystem;
using history::Subject;
using history::Type;
using protocol::Record;
using protocol::RecordError;
using protocol::RecordKind;

constexpr std::int64_t began = 5'000'000;

class RecorderTest : public testing::Test {
 protected:
  RecorderTest() {
    auto opened = Recorder::open(folder_.path(), began);
    EXPECT_TRUE(opened) << opened.error().context;
    recorder_.emplace(std::move(opened).value());
    model::Topology topology;
    topology.queues = {{"orders", {}, true, {}}, {"errors", {}, true, {}, model::QueueDeclaration::Use::sink}};
    topology.destinations = {{"", "orders"}};
    recorder_->set_names({"producer-1", "consumer-1"}, topology);
  }

  /// A record whose every field is another number, at run time `time`.
  static Record full(RecordKind kind, std::int64_t time = 100) {
    Record record;
    record.kind = kind;
    record.time = began + time;
    record.intended = began + 40;
    record.seq = 17;
    record.op = 23;
    record.channel = 3;
    record.key = 9;
    record.producer = 2;
    record.attempt = 4;
    record.queue = 1;
    return record;
  }
  void add(const Record& record, std::uint16_t worker = 0) { recorder_->add({worker, {record}}); }
  void say(std::int64_t time, const std::string& what) {
    recorder_->add(began + time, {"controller", Type::info, "log", {{"error", what}}});
  }
  [[nodiscard]] std::string text() const {
    std::ifstream file{folder_ / "history.ndjson", std::ios::binary};
    return {std::istreambuf_iterator<char>{file}, {}};
  }

  struct Line {
    std::int64_t index;
    std::int64_t time;
    std::string process;
    std::string error;
  };
  /// All lines as the reader takes them; it refuses any gap in the index.
  [[nodiscard]] std::vector<Line> lines() const {
    std::vector<Line> out;
    each_event([&](const history::Event& event) {
      out.push_back({event.index, event.time, std::string{event.process}, std::string{event.error}});
    });
    return out;
  }
  template <class Visit>
  void each_event(Visit visit) const {
    auto reader = history::Reader::open(folder_ / "history.ndjson");
    ASSERT_TRUE(reader);
    while (true) {
      const auto event = reader.value().next();
      ASSERT_TRUE(event) << event.error().context;
      if (event.value() == nullptr) return;
      visit(*event.value());
    }
  }
  /// Hands the one event that became of `record` to `check`.
  template <class Check>
  void expect_one(const Record& record, std::uint16_t worker, Check check) {
    add(record, worker);
    ASSERT_TRUE(recorder_->finish());
    int events = 0;
    each_event([&](const history::Event& event) {
      ++events;
      EXPECT_EQ(event.index, 0);
      EXPECT_EQ(event.time, 100);
      check(event);
    });
    EXPECT_EQ(events, 1);
  }

  testing_support::TemporaryFolder folder_;
  std::optional<Recorder> recorder_;
};

std::vector<std::string> errors(const auto& lines) {
  std::vector<std::string> out;
  for (const auto& line : lines) out.push_back(line.error);
  return out;
}

TEST_F(RecorderTest, MergesByTimeAndWhatIsSimultaneousByArrival) {
  say(30, "d");
  say(10, "a");
  say(20, "b");
  say(20, "c");
  ASSERT_TRUE(recorder_->finish());
  EXPECT_THAT(errors(lines()), testing::ElementsAre("a", "b", "c", "d"));
}

TEST_F(RecorderTest, WritesOnlyWhatIsOlderThanTheWatermark) {
  say(10, "a");
  say(20, "b");
  say(30, "c");
  ASSERT_TRUE(recorder_->write_until(began + 20));
  EXPECT_THAT(errors(lines()), testing::ElementsAre("a")) << "and hands it over at once";
  say(15, "in time");
  ASSERT_TRUE(recorder_->write_until(began + 21));
  EXPECT_THAT(errors(lines()), testing::ElementsAre("a", "in time", "b"));
  ASSERT_TRUE(recorder_->finish());
  ASSERT_TRUE(recorder_->finish()) << "again is fine";
  EXPECT_THAT(errors(lines()), testing::ElementsAre("a", "in time", "b", "c"));
}

TEST_F(RecorderTest, NeverLetsTheTimeFall) {
  say(50, "a");
  ASSERT_TRUE(recorder_->write_until(began + 60));
  say(20, "late");
  say(70, "b");
  say(-3, "before the run");
  ASSERT_TRUE(recorder_->finish());
  const auto got = lines();
  ASSERT_EQ(got.size(), 4U);
  EXPECT_THAT(errors(got), testing::ElementsAre("a", "before the run", "late", "b"));
  EXPECT_EQ(got[1].time, 50) << "the time of the line before it";
  EXPECT_EQ(got[2].time, 50);
  EXPECT_EQ(got[3].time, 70);
}

TEST_F(RecorderTest, NumbersTheLinesWithoutGapWhateverComesWhen) {
  Random random{42};
  std::int64_t watermark = 0;
  for (int i = 0; i < 2000; ++i) {
    Record record = full(RecordKind::publish_invoke, static_cast<std::int64_t>(random.below(1000)) + watermark - 20);
    add(record, static_cast<std::uint16_t>(random.below(2)));
    if (random.below(50) != 0) continue;
    watermark += 100;
    ASSERT_TRUE(recorder_->write_until(began + watermark));
  }
  ASSERT_TRUE(recorder_->finish());
  std::int64_t index = 0;
  std::int64_t time = 0;
  for (const auto& line : lines()) {
    EXPECT_EQ(line.index, index++);
    EXPECT_GE(line.time, time);
    time = line.time;
  }
  EXPECT_EQ(index, 2000);
}

TEST_F(RecorderTest, WritesAnInvokeWithAllThatIsKnownOfTheMessage) {
  expect_one(full(RecordKind::publish_invoke), 0, [](const history::Event& event) {
    EXPECT_EQ(event.process, "producer-1");
    EXPECT_EQ(event.type, Type::invoke);
    EXPECT_EQ(event.f, Subject::publish);
    EXPECT_EQ(event.op, 23);
    EXPECT_EQ(event.id, "p2-17");
    EXPECT_EQ(event.attempt, 4);
    EXPECT_EQ(event.key, "k9");
    EXPECT_EQ(event.seq, 17);
    EXPECT_EQ(event.intended, 40);
    EXPECT_EQ(event.queue, "orders") << "where the run publishes to";
    EXPECT_FALSE(event.has_exchange);
    EXPECT_EQ(event.error, "");
  });
}

TEST_F(RecorderTest, NamesTheExchangeThatAMessageIsPublishedTo) {
  model::Topology topology;
  topology.queues = {{"orders.1", {}, true, {}}, {"orders.2", {}, true, {}}};
  topology.destinations = {{"shop", "orders"}};
  recorder_->set_names({"producer-1", "consumer-1"}, topology);
  expect_one(full(RecordKind::publish_invoke), 0, [](const history::Event& event) {
    EXPECT_EQ(event.exchange, "shop");
    EXPECT_EQ(event.routing_key, "orders");
    EXPECT_EQ(event.queue, "");
  });
}

TEST_F(RecorderTest, WritesWhereADeadLetterCameFromAndWhy) {
  Record record = full(RecordKind::sink);
  record.queue = 0;
  record.sink = protocol::SinkReason::overflow;
  expect_one(record, 1, [](const history::Event& event) {
    EXPECT_EQ(event.type, Type::ok);
    EXPECT_EQ(event.f, Subject::sink);
    EXPECT_EQ(event.id, "p2-17");
    EXPECT_EQ(event.queue, "orders");
    EXPECT_EQ(event.value, "overflow");
  });
}

TEST_F(RecorderTest, WritesADeliveryUnderTheNameOfItsMessage) {
  Record record = full(RecordKind::deliver);
  record.flags = Record::redelivered;
  expect_one(record, 1, [](const history::Event& event) {
    EXPECT_EQ(event.process, "consumer-1");
    EXPECT_EQ(event.type, Type::ok);
    EXPECT_EQ(event.f, Subject::deliver);
    EXPECT_EQ(event.id, "p2-17") << "as in its publish";
    EXPECT_EQ(event.attempt, 4);
    EXPECT_EQ(event.producer, "producer-2");
    EXPECT_EQ(event.key, "k9");
    EXPECT_EQ(event.seq, 17);
    EXPECT_EQ(event.queue, "errors");
    EXPECT_EQ(event.channel, "consumer-1/3");
    EXPECT_EQ(event.tag, 23);
    EXPECT_TRUE(event.redelivered);
    EXPECT_EQ(event.op, -1);
  });
}

TEST_F(RecorderTest, GivesAForeignMessageANameThatNoPublishHas) {
  expect_one(full(RecordKind::deliver_foreign), 1, [](const history::Event& event) {
    EXPECT_EQ(event.f, Subject::deliver);
    EXPECT_EQ(event.id, "foreign-1-17");
    EXPECT_EQ(event.producer, "");
    EXPECT_EQ(event.key, "");
    EXPECT_EQ(event.seq, -1);
    EXPECT_EQ(event.attempt, -1);
    EXPECT_EQ(event.tag, 23);
    EXPECT_FALSE(event.redelivered);
  });
}

TEST_F(RecorderTest, WritesAnAckOfItsChannel) {
  Record record = full(RecordKind::ack);
  record.flags = Record::multiple;
  expect_one(record, 1, [](const history::Event& event) {
    EXPECT_EQ(event.type, Type::info);
    EXPECT_EQ(event.f, Subject::ack);
    EXPECT_EQ(event.channel, "consumer-1/3");
    EXPECT_EQ(event.tag, 23);
    EXPECT_TRUE(event.multiple);
    EXPECT_EQ(event.id, "");
  });
}

TEST_F(RecorderTest, WritesARefusalOfItsChannel) {
  for (const RecordKind kind : {RecordKind::nack, RecordKind::reject}) {
    Record record = full(kind);
    record.flags = kind == RecordKind::nack ? Record::requeue : std::uint8_t{0};
    add(record, 1);
  }
  ASSERT_TRUE(recorder_->finish());
  std::vector<std::pair<Subject, bool>> seen;
  each_event([&](const history::Event& event) {
    EXPECT_EQ(event.type, Type::info);
    EXPECT_EQ(event.channel, "consumer-1/3");
    EXPECT_EQ(event.tag, 23);
    seen.emplace_back(event.f, event.requeue);
  });
  EXPECT_THAT(seen, testing::ElementsAre(std::pair{Subject::nack, true}, std::pair{Subject::reject, false}));
}

TEST_F(RecorderTest, WritesAnEffectUnderTheNameOfItsMessage) {
  expect_one(full(RecordKind::effect), 1, [](const history::Event& event) {
    EXPECT_EQ(event.process, "consumer-1");
    EXPECT_EQ(event.type, Type::ok);
    EXPECT_EQ(event.f, Subject::effect);
    EXPECT_EQ(event.id, "p2-17");
    EXPECT_EQ(event.key, "p2-17") << "a resent message has the same effect";
    EXPECT_EQ(event.queue, "errors");
  });
}

TEST_F(RecorderTest, LeavesOutAQueueThatHasNoName) {
  Record record = full(RecordKind::deliver);
  record.queue = 2;
  expect_one(record, 0, [](const history::Event& event) { EXPECT_EQ(event.queue, ""); });
}

TEST_F(RecorderTest, PlansNothingBeforeTheRunBegan) {
  Record record = full(RecordKind::publish_invoke);
  record.intended = 0;
  expect_one(record, 0, [](const history::Event& event) { EXPECT_EQ(event.intended, 0); });
}

TEST_F(RecorderTest, WritesEveryCompletionWithEveryReason) {
  const std::vector<std::pair<RecordKind, Type>> kinds{{RecordKind::publish_ok, Type::ok},
                                                       {RecordKind::publish_fail, Type::fail},
                                                       {RecordKind::publish_info, Type::info}};
  const std::vector<std::pair<RecordError, std::string>> reasons{{RecordError::none, ""},
                                                                 {RecordError::nack, "nack"},
                                                                 {RecordError::returned, "returned"},
                                                                 {RecordError::timeout, "timeout"},
                                                                 {RecordError::connection_lost, "connection-lost"},
                                                                 {RecordError::channel_closed, "channel-closed"},
                                                                 {RecordError::retries_exhausted, "retries-exhausted"},
                                                                 {RecordError::not_sent, "not-sent"},
                                                                 {RecordError::unconfirmed, "unconfirmed"},
                                                                 {RecordError::refused, "refused"}};
  ASSERT_EQ(reasons.size(), static_cast<std::size_t>(RecordError::refused) + 1);
  for (const auto& [kind, type] : kinds) {
    for (const auto& [reason, word] : reasons) {
      Record record = full(kind);
      record.error = reason;
      add(record);
    }
  }
  ASSERT_TRUE(recorder_->finish());
  std::size_t seen = 0;
  each_event([&](const history::Event& event) {
    EXPECT_EQ(event.f, Subject::publish);
    EXPECT_EQ(event.type, kinds.at(seen / reasons.size()).second);
    EXPECT_EQ(event.error, reasons.at(seen % reasons.size()).second);
    EXPECT_EQ(event.op, 23);
    EXPECT_EQ(event.id, "p2-17");
    EXPECT_EQ(event.attempt, 4);
    EXPECT_EQ(event.key, "") << "its invoke says it";
    ++seen;
  });
  EXPECT_EQ(seen, kinds.size() * reasons.size());
}

TEST_F(RecorderTest, WritesWhatBecomesOfAConnection) {
  const std::vector<std::pair<RecordKind, std::string>> all{
      {RecordKind::connection_up, "\"up\""},
      {RecordKind::connection_lost, "\"lost\""},
      {RecordKind::connection_blocked, "\"blocked\""},
      {RecordKind::connection_unblocked, "\"unblocked\""},
      {RecordKind::connection_cancelled, "\"cancelled\""},
      {RecordKind::connection_channel_closed, "\"channel-closed\""},
      {RecordKind::connection_restarted, "\"restarted\""}};
  for (const auto& [kind, value] : all) add(full(kind), 1);
  ASSERT_TRUE(recorder_->finish());
  std::size_t seen = 0;
  each_event([&](const history::Event& event) {
    EXPECT_EQ(event.process, "consumer-1");
    EXPECT_EQ(event.type, Type::info);
    EXPECT_EQ(event.f, Subject::connection);
    EXPECT_THAT(std::string{event.line}, testing::HasSubstr("\"value\":" + all.at(seen).second));
    ++seen;
  });
  EXPECT_EQ(seen, all.size());
}

TEST_F(RecorderTest, DropsWhatCameAfterTheEvidenceEndedAndKeepsWhatTheControllerSaw) {
  const auto at = [](std::int64_t time) {
    Record record = full(RecordKind::deliver);
    record.time = time;
    return record;
  };
  add(at(1000), 1);
  add(at(2000), 1);
  recorder_->add(3000, {"controller", Type::info, "run", {{"phase", "stop"}}});
  recorder_->drop_records_from(2000);
  ASSERT_TRUE(recorder_->finish());
  std::vector<Subject> seen;
  each_event([&](const history::Event& event) { seen.push_back(event.f); });
  EXPECT_THAT(seen, testing::ElementsAre(Subject::deliver, Subject::run));
}

TEST_F(RecorderTest, KeepsTheFieldsOfOthersEvents) {
  recorder_->add(began + 7, {"agent-local", Type::ok, "fault", {{"name", "broker.stop"}, {"phase", "start"}}});
  recorder_->add(began + 8, {"controller", Type::info, "run", {}});
  ASSERT_TRUE(recorder_->finish());
  EXPECT_EQ(text(),
            "{\"index\":0,\"time\":7,\"process\":\"agent-local\",\"type\":\"ok\",\"f\":\"fault\","
            "\"name\":\"broker.stop\",\"phase\":\"start\"}\n"
            "{\"index\":1,\"time\":8,\"process\":\"controller\",\"type\":\"info\",\"f\":\"run\"}\n");
}

TEST_F(RecorderTest, CountsWhatItWasGivenWrittenOrNot) {
  const std::vector<std::pair<RecordKind, int>> given{{RecordKind::publish_invoke, 7},
                                                      {RecordKind::publish_ok, 1},
                                                      {RecordKind::publish_fail, 2},
                                                      {RecordKind::publish_info, 3},
                                                      {RecordKind::deliver, 4},
                                                      {RecordKind::deliver_foreign, 1},
                                                      {RecordKind::ack, 6},
                                                      {RecordKind::connection_up, 9}};
  for (const auto& [kind, times] : given) {
    for (int i = 0; i < times; ++i) add(full(kind));
  }
  const Counts& counts = recorder_->counts();
  EXPECT_EQ(counts.published, 7);
  EXPECT_EQ(counts.confirmed, 1);
  EXPECT_EQ(counts.failed, 2);
  EXPECT_EQ(counts.indeterminate, 3);
  EXPECT_EQ(counts.delivered, 5);
  EXPECT_EQ(counts.acknowledged, 6);
}

TEST_F(RecorderTest, KeepsTheLongestWaitOfACaller) {
  for (const auto& [attempt, time] : {std::pair{1, 140}, std::pair{1, 90}, std::pair{2, 900}}) {
    Record record = full(RecordKind::publish_invoke, time);
    record.attempt = static_cast<std::uint16_t>(attempt);
    add(record);
  }
  EXPECT_EQ(recorder_->counts().longest_wait, 100) << "whoever resends keeps nobody waiting";
}

TEST_F(RecorderTest, TakesNothingFromAWorkerThatDoesNotExist) {
  add(full(RecordKind::publish_invoke), 2);
  add(full(RecordKind::publish_invoke), UINT16_MAX);
  EXPECT_EQ(recorder_->counts().published, 0);
  ASSERT_TRUE(recorder_->finish());
  EXPECT_EQ(text(), "");
}

TEST(RecorderOfAFullDiskTest, SaysThatTheEvidenceIsLost) {
  const testing_support::TemporaryFolder folder;
  fs::create_symlink("/dev/full", folder / "history.ndjson");
  auto opened = Recorder::open(folder.path(), began);
  ASSERT_TRUE(opened) << opened.error().context;
  Recorder recorder = std::move(opened).value();
  recorder.add(began, {"controller", Type::info, "run", {}});
  for (int round = 0; round < 2; ++round) {
    const auto written = recorder.finish();
    ASSERT_TRUE(written.has_error()) << "and it stays lost";
    EXPECT_EQ(written.error().kind, ErrorKind::lost);
    EXPECT_THAT(written.error().context, testing::HasSubstr("No space left on device"));
  }
}

TEST(RecorderOfNoFolderTest, IsRefused) {
  const auto opened = Recorder::open("/no/such/folder", began);
  ASSERT_TRUE(opened.has_error());
  EXPECT_EQ(opened.error().kind, ErrorKind::usage);
  EXPECT_THAT(opened.error().context, testing::HasSubstr("/no/such/folder/history.ndjson"));
}

}  // namespace
}  // namespace troop::controller
