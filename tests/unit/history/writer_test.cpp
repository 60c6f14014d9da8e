#include "reports/history/writer.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "common/ids.hpp"
#include "reports/history/reader.hpp"

namespace troop::history {
namespace {

class WriterTest : public testing::Test {
 protected:
  WriterTest() : path_(std::filesystem::temp_directory_path() / ("troop-writer-test-" + random_hex(8))) {}
  ~WriterTest() override { std::filesystem::remove(path_); }
  std::string content() const {
    std::stringstream text;
    text << std::ifstream{path_}.rdbuf();
    return text.str();
  }
  std::filesystem::path path_;
};

Event publish() {
  Event event;
  event.time = 17;
  event.process = "producer-1";
  event.type = Type::invoke;
  event.f = Subject::publish;
  event.op = 0;
  event.id = "m-1";
  event.attempt = 1;
  event.key = "k";
  event.seq = 4;
  event.has_exchange = true;
  event.routing_key = "q";
  return event;
}

TEST_F(WriterTest, numbers_events_and_keeps_the_documented_field_order) {
  auto writer = Writer::open(path_).value();
  ASSERT_TRUE(writer.append(0, "controller", Type::info, "run", {{"phase", "start"}, {"seed", 7}}));
  ASSERT_TRUE(writer.append(publish()));
  ASSERT_TRUE(writer.append(18, "controller", Type::info, "log", {}));
  EXPECT_EQ(writer.events(), 3);
  ASSERT_TRUE(writer.flush());
  EXPECT_EQ(
      content(),
      R"({"index":0,"time":0,"process":"controller","type":"info","f":"run","phase":"start","seed":7})"
      "\n"
      R"({"index":1,"time":17,"process":"producer-1","type":"invoke","f":"publish","op":0,"id":"m-1","attempt":1,)"
      R"("key":"k","seq":4,"exchange":"","routing_key":"q"})"
      "\n"
      R"({"index":2,"time":18,"process":"controller","type":"info","f":"log"})"
      "\n");
}

TEST_F(WriterTest, flushes_what_is_left_when_it_is_destroyed) {
  (void)Writer::open(path_).value().append(publish());
  EXPECT_THAT(content(), testing::EndsWith("}\n"));
}

TEST_F(WriterTest, says_that_the_disk_is_full) {
  auto opened = Writer::open("/dev/full");
  if (!opened) GTEST_SKIP() << "no /dev/full here";
  ASSERT_TRUE(opened.value().append(publish())) << "buffered";
  const auto flushed = opened.value().flush();
  ASSERT_FALSE(flushed);
  EXPECT_EQ(flushed.error().kind, ErrorKind::lost);
  EXPECT_THAT(flushed.error().context, testing::HasSubstr("No space left"));
  ASSERT_TRUE(opened.value().append(publish()));
  EXPECT_FALSE(opened.value().flush()) << "and keeps saying so";
}

TEST_F(WriterTest, says_that_it_may_not_write) {
  const auto opened = Writer::open("/no/such/folder/history.ndjson");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::usage);
}

TEST(AppendLine, reads_back_whatever_bytes_the_text_has) {
  Random random{42};
  for (int round = 0; round < 5000; ++round) {
    std::string id;
    for (auto length = 1 + random.below(12); length > 0; --length)
      id += static_cast<char>(random.below(round % 2 == 0 ? 128 : 256));
    Event event = publish();
    event.id = id;
    event.error = id;
    std::string text;
    append_line(text, event, 0);
    Reader reader = Reader::over(text);
    const auto back = reader.next();
    ASSERT_TRUE(back) << back.error().context << "\n" << text;
    const bool ascii = std::all_of(id.begin(), id.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
    if (ascii) {
      EXPECT_EQ(back.value()->id, id);
    }
  }
}

TEST(AppendLine, round_trips_every_field) {
  Event event;
  event.time = -3;
  event.process = "consumer \"1\"";
  event.type = Type::ok;
  event.f = Subject::deliver;
  event.op = 1;
  event.error = "a\\b\x1f";
  event.id = "\u00fc";
  event.attempt = 2;
  event.key = "k";
  event.seq = INT64_MAX;
  event.intended = 5;
  event.exchange = "x";
  event.has_exchange = true;
  event.routing_key = "r";
  event.queue = "q";
  event.producer = "p";
  event.channel = "c";
  event.tag = 6;
  event.redelivered = event.multiple = event.requeue = true;
  event.ack = "none";
  event.name = "n";
  event.target = "t";
  event.phase = "start";
  event.reason = "why";
  event.value = R"({"p99_ms":1.5})";
  std::string text;
  append_line(text, event, 0);
  Reader reader = Reader::over(text);
  const auto next = reader.next();
  ASSERT_TRUE(next) << next.error().context;
  std::string again;
  append_line(again, *next.value(), 0);
  EXPECT_EQ(again, text);
  EXPECT_EQ(next.value()->error, event.error);
  EXPECT_EQ(next.value()->seq, INT64_MAX);
}

}  // namespace
}  // namespace troop::history
