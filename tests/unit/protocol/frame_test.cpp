#include "agents/protocol/frame.hpp"

#include <gmock/gmock.h>

#include <vector>

#include "common/ids.hpp"

namespace troop::protocol {
namespace {

struct Got {
  FrameKind kind{};
  std::string body;
  bool operator==(const Got&) const = default;
};

void PrintTo(const Got& got, std::ostream* out) {
  *out << "kind " << static_cast<int>(got.kind) << " of " << got.body.size() << " bytes";
}

/// A frame as it is on the wire, right or wrong.
std::string raw(std::uint32_t length, char kind, std::string_view body) {
  std::string out{reinterpret_cast<const char*>(&length), sizeof length};
  out.push_back(kind);
  out.append(body);
  return out;
}

/// Takes whole frames until there are no more; `false` if the stream broke the rules.
bool take_all(FrameReader& reader, std::vector<Got>& got) {
  while (true) {
    const auto frame = reader.next();
    if (frame.has_error()) {
      EXPECT_EQ(frame.error().kind, ErrorKind::protocol);
      EXPECT_FALSE(frame.error().context.empty());
      return false;
    }
    if (!frame.value()) return true;
    got.push_back({frame.value()->kind, std::string{frame.value()->body}});
  }
}

Record record(std::uint64_t number) {
  Record out;
  out.time = static_cast<std::int64_t>(number);
  out.seq = number * 7;
  out.kind = RecordKind::deliver;
  out.error = RecordError::none;
  return out;
}

const std::vector<Record> two_records{record(1), record(2)};

std::string three_frames() {
  return message_frame(R"({"request":"hello"})") + records_frame(3, two_records) + watermark_frame(-5);
}

void expect_three(const std::vector<Got>& got) {
  ASSERT_EQ(got.size(), 3U);
  EXPECT_EQ(got[0], (Got{FrameKind::message, R"({"request":"hello"})"}));
  ASSERT_EQ(got[1].kind, FrameKind::records);
  const auto batch = decode_records(got[1].body);
  ASSERT_TRUE(batch) << batch.error().context;
  EXPECT_EQ(batch.value().worker, 3);
  ASSERT_EQ(batch.value().records.size(), 2U);
  EXPECT_EQ(batch.value().records[1].time, 2);
  EXPECT_EQ(batch.value().records[1].seq, 14U);
  ASSERT_EQ(got[2].kind, FrameKind::watermark);
  EXPECT_EQ(decode_watermark(got[2].body).value(), -5);
}

TEST(FrameReaderTest, HasNothingAtFirst) {
  FrameReader reader;
  const auto frame = reader.next();
  ASSERT_TRUE(frame);
  EXPECT_FALSE(frame.value());
}

TEST(FrameReaderTest, TakesSeveralFramesOfOneFeed) {
  FrameReader reader;
  std::vector<Got> got;
  reader.feed(three_frames());
  EXPECT_TRUE(take_all(reader, got));
  expect_three(got);
}

TEST(FrameReaderTest, GivesTheSameFramesHoweverTheStreamIsSplitInTwo) {
  const std::string stream = three_frames();
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    SCOPED_TRACE(cut);
    FrameReader reader;
    std::vector<Got> got;
    reader.feed(std::string_view{stream}.substr(0, cut));
    ASSERT_TRUE(take_all(reader, got));
    reader.feed(std::string_view{stream}.substr(cut));
    ASSERT_TRUE(take_all(reader, got));
    expect_three(got);
  }
}

TEST(FrameReaderTest, TakesAStreamByteByByte) {
  FrameReader reader;
  std::vector<Got> got;
  for (const char byte : three_frames()) {
    reader.feed({&byte, 1});
    ASSERT_TRUE(take_all(reader, got));
  }
  expect_three(got);
}

TEST(FrameReaderTest, TakesAnEmptyBodyAndTheLongestOne) {
  const std::string longest(frame_bytes_max - 1, 'x');
  FrameReader reader;
  std::vector<Got> got;
  reader.feed(message_frame("") + message_frame(longest) + message_frame("after"));
  ASSERT_TRUE(take_all(reader, got));
  EXPECT_THAT(got, testing::ElementsAre(Got{FrameKind::message, ""}, Got{FrameKind::message, longest},
                                        Got{FrameKind::message, "after"}));
}

struct Broken {
  const char* name;
  std::string bytes;
  const char* complaint;
};

void PrintTo(const Broken& broken, std::ostream* out) { *out << broken.name; }

class BrokenFrameTest : public testing::TestWithParam<Broken> {};

TEST_P(BrokenFrameTest, IsRefusedAfterTheGoodOnesBeforeIt) {
  FrameReader reader;
  std::vector<Got> got;
  reader.feed(message_frame("good") + GetParam().bytes);
  EXPECT_FALSE(take_all(reader, got));
  EXPECT_THAT(got, testing::ElementsAre(Got{FrameKind::message, "good"}));
  const auto again = reader.next();
  ASSERT_TRUE(again.has_error()) << "and is not skipped";
  EXPECT_THAT(again.error().context, testing::HasSubstr(GetParam().complaint));
}

INSTANTIATE_TEST_SUITE_P(, BrokenFrameTest,
                         testing::ValuesIn(std::vector<Broken>{
                             {"length_zero", raw(0, 1, ""), "0 bytes"},
                             // Refused by its header alone: nobody waits for, or stores, what a peer only announces.
                             {"longer_than_allowed", raw(frame_bytes_max + 1, 1, ""), "1048577 bytes"},
                             {"all_ones", raw(UINT32_MAX, 1, ""), "4294967295 bytes"},
                             {"kind_zero", raw(3, 0, "ab"), "unknown kind 0"},
                             {"kind_unknown", raw(3, 5, "ab"), "unknown kind 5"},
                             {"kind_negative_as_a_char", raw(3, '\xff', "ab"), "unknown kind 255"},
                         }),
                         [](const auto& each) { return std::string{each.param.name}; });

TEST(FrameReaderTest, NeverInventsAFrameFromNoise) {
  Random random{20'240'607};
  for (int round = 0; round < 5000; ++round) {
    std::string stream = three_frames();
    const std::size_t changes = 1 + random.below(8);
    for (std::size_t i = 0; i < changes; ++i)
      stream[random.below(stream.size())] = static_cast<char>(random.below(256));
    FrameReader reader;
    std::vector<Got> got;
    std::size_t fed = 0;
    bool good = true;
    while (good && fed < stream.size()) {
      const std::size_t count = std::min<std::size_t>(stream.size() - fed, 1 + random.below(40));
      reader.feed(std::string_view{stream}.substr(fed, count));
      fed += count;
      good = take_all(reader, got);
    }
    std::size_t bytes = 0;
    for (const Got& each : got) {
      bytes += 5 + each.body.size();
      EXPECT_TRUE(each.kind >= FrameKind::message && each.kind <= FrameKind::log);
      if (each.kind == FrameKind::records) (void)decode_records(each.body);
      if (each.kind == FrameKind::watermark) (void)decode_watermark(each.body);
      if (each.kind == FrameKind::log) (void)decode_log(each.body);
    }
    ASSERT_LE(bytes, stream.size());
  }
}

TEST(RecordBatchTest, MayBeEmpty) {
  FrameReader reader;
  std::vector<Got> got;
  reader.feed(records_frame(9, {}));
  ASSERT_TRUE(take_all(reader, got));
  ASSERT_EQ(got.size(), 1U);
  const auto batch = decode_records(got[0].body);
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch.value().worker, 9);
  EXPECT_TRUE(batch.value().records.empty());
}

TEST(RecordBatchTest, IsRefusedUnlessItHoldsWholeRecords) {
  const std::string body = records_frame(1, two_records).substr(5);
  ASSERT_EQ(body.size(), 2 + 2 * sizeof(Record));
  for (std::size_t size = 0; size < body.size(); ++size) {
    const auto batch = decode_records(std::string_view{body}.substr(0, size));
    const bool whole = size >= 2 && (size - 2) % sizeof(Record) == 0;
    EXPECT_EQ(batch.has_value(), whole) << size;
    if (batch.has_error()) {
      EXPECT_EQ(batch.error().kind, ErrorKind::protocol);
    }
  }
}

TEST(RecordBatchTest, IsRefusedWhereARecordSaysWhatNoWorkerSays) {
  const auto refused = [](std::uint8_t kind, std::uint8_t error) {
    Record bad = record(1);
    bad.kind = static_cast<RecordKind>(kind);
    bad.error = static_cast<RecordError>(error);
    const std::vector<Record> batch{record(1), bad};
    const auto decoded = decode_records(std::string_view{records_frame(1, batch)}.substr(5));
    return decoded.has_error() && decoded.error().kind == ErrorKind::protocol;
  };
  const auto last_kind = static_cast<std::uint8_t>(last_record_kind);
  const auto last_error = static_cast<std::uint8_t>(RecordError::refused);
  for (std::uint8_t kind = 1; kind <= last_kind; ++kind) EXPECT_FALSE(refused(kind, 0)) << int{kind};
  for (std::uint8_t error = 0; error <= last_error; ++error) EXPECT_FALSE(refused(1, error)) << int{error};
  Record bad = record(1);
  bad.sink = static_cast<SinkReason>(static_cast<std::uint8_t>(last_sink_reason) + 1);
  EXPECT_TRUE(decode_records(std::string_view{records_frame(1, std::vector{bad})}.substr(5)).has_error());
  EXPECT_TRUE(refused(0, 0));
  EXPECT_TRUE(refused(static_cast<std::uint8_t>(last_kind + 1), 0));
  EXPECT_TRUE(refused(255, 0));
  EXPECT_TRUE(refused(1, static_cast<std::uint8_t>(last_error + 1)));
  EXPECT_TRUE(refused(1, 255));
}

TEST(WatermarkTest, IsEightBytes) {
  EXPECT_EQ(decode_watermark(std::string_view{watermark_frame(INT64_MAX)}.substr(5)).value(), INT64_MAX);
  for (const std::size_t size : {0U, 7U, 9U}) {
    const auto time = decode_watermark(std::string(size, 'x'));
    ASSERT_TRUE(time.has_error()) << size;
    EXPECT_EQ(time.error().kind, ErrorKind::protocol);
  }
}

TEST(LogFrame, KeepsItsNameAndEveryByte) {
  const std::string bytes{"a\0\xFF\n", 4};
  FrameReader reader;
  reader.feed(log_frame("broker.log", bytes));
  auto frame = reader.next();
  ASSERT_TRUE(frame.has_value());
  ASSERT_TRUE(frame.value().has_value());
  EXPECT_EQ(frame.value()->kind, FrameKind::log);
  const auto piece = decode_log(frame.value()->body);
  ASSERT_TRUE(piece.has_value());
  EXPECT_EQ(piece.value().name, "broker.log");
  EXPECT_EQ(piece.value().bytes, bytes);
  EXPECT_LE(log_frame(std::string(255, 'n'), std::string(log_piece_bytes_max, 'x')).size(), frame_bytes_max);
}

TEST(LogFrame, IsRefusedWithoutAWholeName) {
  for (const std::string_view body : {std::string_view{}, std::string_view{"\0abc", 4},
                                      std::string_view{"\x05"
                                                       "abc",
                                                       4}}) {
    const auto piece = decode_log(body);
    ASSERT_TRUE(piece.has_error()) << body.size();
    EXPECT_EQ(piece.error().kind, ErrorKind::protocol);
  }
}

}  // namespace
}  // namespace troop::protocol
