#include "agents/workers/message.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "common/ids.hpp"

namespace troop::agents {
namespace {

struct RawFrame {
  int type = 0;
  int channel = 0;
  std::string payload;
};

/// Cuts bytes into AMQP frames; fails the test if they are none.
std::vector<RawFrame> frames_of(const std::string& bytes) {
  std::vector<RawFrame> frames;
  std::size_t at = 0;
  const auto byte = [&](std::size_t i) { return static_cast<std::size_t>(static_cast<unsigned char>(bytes.at(i))); };
  while (at < bytes.size()) {
    const std::size_t size = byte(at + 3) << 24 | byte(at + 4) << 16 | byte(at + 5) << 8 | byte(at + 6);
    frames.push_back(
        {static_cast<int>(byte(at)), static_cast<int>(byte(at + 1) << 8 | byte(at + 2)), bytes.substr(at + 7, size)});
    EXPECT_EQ(byte(at + 7 + size), 0xCEU);
    at += 8 + size;
  }
  return frames;
}

class Pool {
 public:
  Pool() { init_amqp_pool(&pool_, 4096); }
  ~Pool() { empty_amqp_pool(&pool_); }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  operator amqp_pool_t*() { return &pool_; }

 private:
  amqp_pool_t pool_{};
};

amqp_bytes_t bytes_of(std::string& text) { return {text.size(), text.data()}; }

/// The properties that follow the 12 bytes of class, weight and size in a content header.
const amqp_basic_properties_t* decode_header(std::string& payload, Pool& pool) {
  void* decoded = nullptr;
  const amqp_bytes_t encoded{payload.size() - 12, payload.data() + 12};
  if (amqp_decode_properties(AMQP_BASIC_CLASS, pool, encoded, &decoded) < 0) return nullptr;
  return static_cast<const amqp_basic_properties_t*>(decoded);
}

TEST(MessageEncoderTest, WritesWhatRabbitmqCReads) {
  MessageEncoder::Settings settings;
  settings.producer = 12;
  settings.exchange = "shop";
  settings.routing_key = "orders";
  settings.payload_bytes = 256;
  MessageEncoder encoder{settings};
  std::string out;
  encoder.append(out, {7, 70, 0, 3, 1});
  encoder.append(out, {(std::uint64_t{1} << 40) + 5, 71, 0, 4'000'000'000, 65535});
  const auto frames = frames_of(out);
  ASSERT_EQ(frames.size(), 6U);

  Pool pool;
  void* decoded = nullptr;
  std::string method = frames[0].payload.substr(4);
  ASSERT_EQ(amqp_decode_method(AMQP_BASIC_PUBLISH_METHOD, pool, bytes_of(method), &decoded), 0);
  const auto* publish = static_cast<const amqp_basic_publish_t*>(decoded);
  EXPECT_EQ(std::string(static_cast<const char*>(publish->routing_key.bytes), publish->routing_key.len), "orders");
  EXPECT_EQ(std::string(static_cast<const char*>(publish->exchange.bytes), publish->exchange.len), "shop");
  EXPECT_TRUE(publish->mandatory);
  EXPECT_FALSE(publish->immediate);

  std::string header = frames[1].payload;
  const auto* properties = decode_header(header, pool);
  ASSERT_NE(properties, nullptr);
  EXPECT_EQ(properties->delivery_mode, AMQP_DELIVERY_PERSISTENT);
  EXPECT_EQ(std::string(static_cast<const char*>(properties->message_id.bytes), properties->message_id.len), "p12-7");
  EXPECT_EQ(read_headers(*properties), (MessageHeaders{12, 1, 3, 7}));
  EXPECT_EQ(frames[2].payload.size(), 256U);

  std::string second = frames[4].payload;
  properties = decode_header(second, pool);
  ASSERT_NE(properties, nullptr);
  EXPECT_EQ(read_headers(*properties), (MessageHeaders{12, 65535, 4'000'000'000, (std::uint64_t{1} << 40) + 5}));
  EXPECT_EQ(std::string(static_cast<const char*>(properties->message_id.bytes), properties->message_id.len),
            "p12-1099511627781");
}

TEST(MessageEncoderTest, CutsALargeBodyIntoFramesAndSendsNoneForAnEmptyOne) {
  MessageEncoder::Settings settings;
  settings.routing_key = "q";
  settings.frame_bytes_max = 4096;
  settings.payload_bytes = 10'000;
  std::string out;
  MessageEncoder{settings}.append(out, {1, 1, 0, 1, 1});
  std::size_t body = 0;
  for (const auto& frame : frames_of(out)) {
    EXPECT_LE(frame.payload.size() + 8, 4096U);
    if (frame.type == AMQP_FRAME_BODY) body += frame.payload.size();
  }
  EXPECT_EQ(body, 10'000U);

  settings.payload_bytes = 0;
  out.clear();
  MessageEncoder{settings}.append(out, {1, 1, 0, 1, 1});
  EXPECT_EQ(frames_of(out).size(), 2U);
}

TEST(MessageEncoderTest, HonoursMandatoryAndPersistent) {
  MessageEncoder::Settings settings;
  settings.routing_key = "q";
  settings.mandatory = false;
  settings.persistent = false;
  std::string out;
  MessageEncoder{settings}.append(out, {1, 1, 0, 1, 1});
  auto frames = frames_of(out);
  EXPECT_EQ(frames[0].payload.back(), 0);
  Pool pool;
  const auto* properties = decode_header(frames[1].payload, pool);
  ASSERT_NE(properties, nullptr);
  EXPECT_EQ(properties->delivery_mode, AMQP_DELIVERY_NONPERSISTENT);
}

TEST(MessageEncoderTest, SaysForHowLongThePluginHoldsAMessage) {
  MessageEncoder::Settings settings;
  settings.producer = 2;
  settings.routing_key = "q";
  settings.delay_ms = 3'600'000;
  std::string out;
  MessageEncoder{settings}.append(out, {9, 9, 0, 1, 1});
  auto frames = frames_of(out);
  Pool pool;
  const auto* properties = decode_header(frames[1].payload, pool);
  ASSERT_NE(properties, nullptr);
  ASSERT_EQ(properties->headers.num_entries, 2);
  const auto& delay = properties->headers.entries[1];
  EXPECT_EQ(std::string(static_cast<const char*>(delay.key.bytes), delay.key.len), "x-delay");
  EXPECT_EQ(delay.value.kind, AMQP_FIELD_KIND_I32);
  EXPECT_EQ(delay.value.value.i32, 3'600'000);
  EXPECT_EQ(read_headers(*properties), (MessageHeaders{2, 1, 1, 9}));
  EXPECT_EQ(properties->delivery_mode, AMQP_DELIVERY_PERSISTENT);
}

TEST(MethodFramesTest, AreWhatRabbitmqCReads) {
  std::string out;
  append_ack(out, 1, 0x0102030405060708, true);
  append_cancel(out, 1, "troop");
  append_method(out, 0, AMQP_CONNECTION_CLOSE_OK_METHOD);
  append_requeue(out, 1, 0x0102030405060708);
  append_reject(out, 1, 0x0102030405060708);
  auto frames = frames_of(out);
  ASSERT_EQ(frames.size(), 5U);
  Pool pool;
  void* decoded = nullptr;
  std::string ack = frames[0].payload.substr(4);
  ASSERT_EQ(amqp_decode_method(AMQP_BASIC_ACK_METHOD, pool, bytes_of(ack), &decoded), 0);
  EXPECT_EQ(static_cast<amqp_basic_ack_t*>(decoded)->delivery_tag, 0x0102030405060708U);
  EXPECT_TRUE(static_cast<amqp_basic_ack_t*>(decoded)->multiple);
  std::string cancel = frames[1].payload.substr(4);
  ASSERT_EQ(amqp_decode_method(AMQP_BASIC_CANCEL_METHOD, pool, bytes_of(cancel), &decoded), 0);
  EXPECT_EQ(static_cast<amqp_basic_cancel_t*>(decoded)->consumer_tag.len, 5U);
  EXPECT_EQ(frames[2].channel, 0);
  EXPECT_EQ(frames[2].payload.size(), 4U);
  std::string nack = frames[3].payload.substr(4);
  ASSERT_EQ(amqp_decode_method(AMQP_BASIC_NACK_METHOD, pool, bytes_of(nack), &decoded), 0);
  EXPECT_EQ(static_cast<amqp_basic_nack_t*>(decoded)->delivery_tag, 0x0102030405060708U);
  EXPECT_FALSE(static_cast<amqp_basic_nack_t*>(decoded)->multiple);
  EXPECT_TRUE(static_cast<amqp_basic_nack_t*>(decoded)->requeue);
  std::string reject = frames[4].payload.substr(4);
  ASSERT_EQ(amqp_decode_method(AMQP_BASIC_REJECT_METHOD, pool, bytes_of(reject), &decoded), 0);
  EXPECT_EQ(static_cast<amqp_basic_reject_t*>(decoded)->delivery_tag, 0x0102030405060708U);
  EXPECT_FALSE(static_cast<amqp_basic_reject_t*>(decoded)->requeue);
}

amqp_field_value_t integer(std::int64_t number) {
  amqp_field_value_t value{};
  value.kind = AMQP_FIELD_KIND_I64;
  value.value.i64 = number;
  return value;
}

amqp_field_value_t text(const char* bytes) {
  amqp_field_value_t value{};
  value.kind = AMQP_FIELD_KIND_UTF8;
  value.value.bytes = amqp_cstring_bytes(bytes);
  return value;
}

struct Foreign {
  const char* name;
  std::vector<std::pair<const char*, amqp_field_value_t>> headers;
};

void PrintTo(const Foreign& c, std::ostream* out) { *out << c.name; }

class ForeignHeadersTest : public testing::TestWithParam<Foreign> {};

TEST_P(ForeignHeadersTest, AreNotOurs) {
  std::vector<amqp_table_entry_t> entries;
  for (const auto& [name, value] : GetParam().headers) entries.push_back({amqp_cstring_bytes(name), value});
  amqp_basic_properties_t properties{};
  properties._flags = AMQP_BASIC_HEADERS_FLAG;
  properties.headers = {static_cast<int>(entries.size()), entries.data()};
  EXPECT_FALSE(read_headers(properties));
}

INSTANTIATE_TEST_SUITE_P(, ForeignHeadersTest,
                         testing::ValuesIn(std::vector<Foreign>{
                             {"none", {}},
                             {"a_number", {{"troop", integer(1)}}},
                             {"empty", {{"troop", text("")}}},
                             {"one_number_missing", {{"troop", text("1.2.3")}}},
                             {"one_number_too_many", {{"troop", text("1.2.3.4.5")}}},
                             {"text_behind", {{"troop", text("1.2.3.4 ")}}},
                             {"text_in_front", {{"troop", text(" 1.2.3.4")}}},
                             {"no_digits", {{"troop", text("1..3.4")}}},
                             {"negative", {{"troop", text("1.-2.3.4")}}},
                             {"producer_too_large", {{"troop", text("65536.1.1.1")}}},
                             {"producer_zero", {{"troop", text("0.1.1.1")}}},
                             {"seq_zero", {{"troop", text("1.0.1.1")}}},
                             {"seq_too_large", {{"troop", text("1.18446744073709551616.1.1")}}},
                             {"attempt_zero", {{"troop", text("1.1.0.1")}}},
                             {"attempt_too_large", {{"troop", text("1.1.65536.1")}}},
                             {"key_too_large", {{"troop", text("1.1.1.4294967296")}}},
                             {"other_names",
                              {{"troop-", text("1.1.1.1")}, {"", text("1.1.1.1")}, {"Troop", text("1.1.1.1")}}},
                         }),
                         [](const auto& c) { return std::string{c.param.name}; });

TEST(HeadersTest, AreReadBesideOthers) {
  amqp_table_entry_t entries[] = {{amqp_cstring_bytes("x-death"), text("a")},
                                  {amqp_cstring_bytes("troop"), text("65535.18446744073709551615.3.0")},
                                  {amqp_cstring_bytes("other"), integer(1)}};
  amqp_basic_properties_t properties{};
  properties._flags = AMQP_BASIC_HEADERS_FLAG;
  properties.headers = {3, entries};
  EXPECT_EQ(read_headers(properties), (MessageHeaders{65535, 3, 0, UINT64_MAX}));
  properties._flags = 0;  // the table is not there, whatever the memory holds
  EXPECT_FALSE(read_headers(properties));
}

/// The header x-death with one entry of these fields.
struct DeathHeader {
  explicit DeathHeader(std::vector<amqp_table_entry_t> fields) : fields_(std::move(fields)) {
    death_.kind = AMQP_FIELD_KIND_TABLE;
    death_.value.table = {static_cast<int>(fields_.size()), fields_.data()};
    entry_.key = amqp_cstring_bytes("x-death");
    entry_.value.kind = AMQP_FIELD_KIND_ARRAY;
    entry_.value.value.array = {1, &death_};
    properties_._flags = AMQP_BASIC_HEADERS_FLAG;
    properties_.headers = {1, &entry_};
  }
  DeathHeader(const DeathHeader&) = delete;
  DeathHeader& operator=(const DeathHeader&) = delete;

  std::vector<amqp_table_entry_t> fields_;
  amqp_field_value_t death_{};
  amqp_table_entry_t entry_{};
  amqp_basic_properties_t properties_{};
};

TEST(DeathTest, SaysWhichQueueTheMessageLeftAndWhy) {
  const std::pair<const char*, protocol::SinkReason> reasons[] = {
      {"rejected", protocol::SinkReason::dead_lettered},
      {"delivery_limit", protocol::SinkReason::dead_lettered},
      {"expired", protocol::SinkReason::expired},
      {"maxlen", protocol::SinkReason::overflow},
  };
  for (const auto& [written, reason] : reasons) {
    const DeathHeader header{{{amqp_cstring_bytes("count"), integer(1)},
                              {amqp_cstring_bytes("reason"), text(written)},
                              {amqp_cstring_bytes("queue"), text("orders")}}};
    const auto death = read_death(header.properties_);
    ASSERT_TRUE(death) << written;
    EXPECT_EQ(death->queue, "orders");
    EXPECT_EQ(death->reason, reason) << written;
  }
}

TEST(DeathTest, IsNothingWhereRabbitmqDidNotWriteIt) {
  EXPECT_FALSE(read_death(amqp_basic_properties_t{}));
  EXPECT_FALSE(read_death(DeathHeader{{}}.properties_));
  EXPECT_FALSE(read_death(DeathHeader{{{amqp_cstring_bytes("queue"), text("q")}}}.properties_));
  EXPECT_FALSE(read_death(
      DeathHeader{{{amqp_cstring_bytes("queue"), text("q")}, {amqp_cstring_bytes("reason"), integer(1)}}}.properties_));
  DeathHeader empty{{}};
  empty.entry_.value.value.array = {0, nullptr};
  EXPECT_FALSE(read_death(empty.properties_));
  empty.entry_.value = integer(1);
  EXPECT_FALSE(read_death(empty.properties_));
}

TEST(HeadersTest, SurvivesHostileBytesInAContentHeader) {
  MessageEncoder::Settings settings;
  settings.routing_key = "q";
  std::string out;
  MessageEncoder{settings}.append(out, {9, 1, 0, 2, 1});
  const std::string honest = frames_of(out)[1].payload;
  Random random{7, "hostile headers"};
  int read = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string hostile = honest;
    for (std::uint64_t i = 0; i <= random.below(4); ++i) {
      hostile[12 + random.below(hostile.size() - 12)] = static_cast<char>(random.next());
    }
    if (random.below(4) == 0) hostile.resize(12 + random.below(hostile.size() - 12));
    Pool pool;
    if (const auto* properties = decode_header(hostile, pool); properties != nullptr)
      read += read_headers(*properties) ? 1 : 0;
  }
  EXPECT_GT(read, 0);
  EXPECT_LT(read, 20'000);
}

}  // namespace
}  // namespace troop::agents
