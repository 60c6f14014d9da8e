#include "reports/history/reader.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace troop::history {
namespace {

struct Read {
  std::vector<std::string> ids;
  std::string error;
  ErrorKind kind{};
  bool complete = false;
  std::vector<std::string> warnings;
};

Read drain(Reader reader) {
  Read read;
  while (true) {
    const auto event = reader.next();
    if (!event) {
      read.error = event.error().context;
      read.kind = event.error().kind;
      return read;
    }
    if (event.value() == nullptr) break;
    read.ids.emplace_back(event.value()->id);
  }
  read.complete = reader.complete();
  read.warnings = reader.warnings();
  return read;
}

Read read(const std::string& text) { return drain(Reader::over(text, "h")); }

std::string line(int index, const std::string& rest = {}) {
  return R"({"index":)" + std::to_string(index) + R"(,"time":1,"process":"p","type":"ok","f":"deliver")" + rest + "}\n";
}

struct Bad {
  const char* name;
  std::string text;
  const char* complaint;
};

void PrintTo(const Bad& c, std::ostream* out) { *out << c.name; }

class MalformedTest : public testing::TestWithParam<Bad> {};

TEST_P(MalformedTest, names_line_and_reason) {
  const auto got = read(GetParam().text);
  EXPECT_THAT(got.error, testing::StartsWith(GetParam().complaint));
  EXPECT_EQ(got.kind, ErrorKind::usage);
  const auto behind_others = read(line(0) + line(1) + line(2) + GetParam().text);
  EXPECT_THAT(behind_others.error, testing::StartsWith("h:4: ")) << "whatever stands before it";
}

INSTANTIATE_TEST_SUITE_P(
    , MalformedTest,
    testing::ValuesIn(std::vector<Bad>{
        {"no_json", "hello\n", "h:1: not JSON"},
        {"empty_line", "\n", "h:1: the line is empty"},
        {"blank_line", "  \r\n", "h:1: the line is empty"},
        {"an_array", "[]\n", "h:1: it is not a JSON object"},
        {"a_number", "17\n", "h:1: it is not a JSON object"},
        {"a_cut_line_in_the_middle", "{\"index\":0,\"ty\n" + line(1), "h:1: not JSON"},
        {"garbage_after_the_object",
         R"({"index":0,"type":"ok","f":"x"} x)"
         "\n",
         "h:1: not JSON"},
        {"a_comma_after_the_object",
         R"({"index":0,"type":"ok","f":"x"},)"
         "\n",
         "h:1: not JSON"},
        {"two_objects_on_a_line",
         R"({"index":0,"type":"ok","f":"x"}{"index":1,"type":"ok","f":"x"})"
         "\n",
         "h:1: not JSON"},
        {"an_object_over_two_lines", "{\"index\":0,\n\"type\":\"ok\",\"f\":\"x\"}\n", "h:1: not JSON"},
        {"an_object_that_ends_where_the_next_begins",
         "{\"index\":0,\"type\":\"ok\",\n\"f\":\"x\"}{\"index\":1,\"type\":\"ok\",\"f\":\"x\"}\n", "h:1: not JSON"},
        {"broken_value_of_an_unknown_field",
         R"({"index":0,"type":"ok","f":"x","y":tru})"
         "\n",
         "h:1: not JSON"},
        {"broken_utf8", "{\"index\":0,\"type\":\"ok\",\"f\":\"x\",\"id\":\"\xff\"}\n", "h:1: not JSON"},
        {"control_character_in_text", "{\"index\":0,\"type\":\"ok\",\"f\":\"x\",\"id\":\"\x01\"}\n", "h:1: not JSON"},
        {"no_index",
         R"({"type":"ok","f":"x"})"
         "\n",
         "h:1: it has no 'index'"},
        {"no_type",
         R"({"index":0,"f":"x"})"
         "\n",
         "h:1: it has no 'type'"},
        {"no_f",
         R"({"index":0,"type":"ok"})"
         "\n",
         "h:1: it has no 'f'"},
        {"unknown_type",
         R"({"index":0,"type":"okay","f":"x"})"
         "\n",
         "h:1: 'type' is none of"},
        {"index_as_text",
         R"({"index":"0","type":"ok","f":"x"})"
         "\n",
         "h:1: 'index' is not an integer"},
        {"index_as_fraction",
         R"({"index":0.0,"type":"ok","f":"x"})"
         "\n",
         "h:1: 'index' is not an integer"},
        {"time_as_text",
         R"({"index":0,"time":"now","type":"ok","f":"x"})"
         "\n",
         "h:1: 'time' is not an integer"},
        {"op_as_text",
         R"({"index":0,"op":"1","type":"ok","f":"x"})"
         "\n",
         "h:1: 'op' is not an integer"},
        {"attempt_as_fraction",
         R"({"index":0,"attempt":1.5,"type":"ok","f":"x"})"
         "\n",
         "h:1: 'attempt' is not an integer"},
        {"seq_as_text",
         R"({"index":0,"seq":"1","type":"ok","f":"x"})"
         "\n",
         "h:1: 'seq' is not an integer"},
        {"tag_as_bool",
         R"({"index":0,"tag":true,"type":"ok","f":"x"})"
         "\n",
         "h:1: 'tag' is not an integer"},
        {"id_as_object",
         R"({"index":0,"id":{},"type":"ok","f":"deliver"})"
         "\n",
         "h:1: 'id' is neither text nor an integer"},
        {"index_that_skips",
         R"({"index":9,"type":"ok","f":"x"})"
         "\n",
         "h:1: 'index' is 9 where 0 is next"},
        {"tail_that_is_no_event", "oops", "h:1: the last line is no event"},
    }),
    [](const auto& c) { return std::string{c.param.name}; });

TEST(Reader, refuses_an_index_that_repeats) {
  EXPECT_THAT(read(line(0) + line(0)).error, testing::StartsWith("h:2: 'index' is 0 where 1 is next"));
}

TEST(Reader, hands_out_every_field) {
  const std::string text =
      R"( {"index":0,"time":-5,"process":"p","type":"invoke","f":"publish","op":3,"id":"a\u00e9\n","attempt":2,"key":9,)"
      R"("seq":4,"intended":6,"exchange":"","routing_key":"rk","queue":"q","producer":"x","channel":12,"tag":8,)"
      R"("redelivered":true,"multiple":true,"requeue":true,"name":"n","target":"t","phase":"start","error":"nack",)"
      R"("value":{"a":[1,2]},"mystery":[{"deep":null}]} )"
      "\r\n";
  Reader reader = Reader::over(text);
  const auto next = reader.next();
  ASSERT_TRUE(next) << next.error().context;
  const Event& event = *next.value();
  EXPECT_EQ(event.time, -5);
  EXPECT_TRUE(event.has_time);
  EXPECT_EQ(event.process, "p");
  EXPECT_EQ(event.type, Type::invoke);
  EXPECT_EQ(event.f, Subject::publish);
  EXPECT_EQ(event.f_name, "publish");
  EXPECT_EQ(event.op, 3);
  EXPECT_EQ(event.id, "a\u00e9\n");
  EXPECT_EQ(event.attempt, 2);
  EXPECT_EQ(event.key, "9");
  EXPECT_EQ(event.seq, 4);
  EXPECT_EQ(event.intended, 6);
  EXPECT_TRUE(event.has_exchange);
  EXPECT_EQ(event.routing_key, "rk");
  EXPECT_EQ(event.queue, "q");
  EXPECT_EQ(event.producer, "x");
  EXPECT_EQ(event.channel, "12");
  EXPECT_EQ(event.tag, 8);
  EXPECT_TRUE(event.redelivered && event.multiple && event.requeue);
  EXPECT_EQ(event.name, "n");
  EXPECT_EQ(event.target, "t");
  EXPECT_EQ(event.phase, "start");
  EXPECT_EQ(event.error, "nack");
  EXPECT_EQ(event.value, R"({"a":[1,2]})");
}

TEST(Reader, accepts_what_it_does_not_know) {
  const auto got = read(R"({"index":0,"type":"info","f":"txn","id":["not","ours"],"key":{},"extra":{"x":[1,{}]}})"
                        "\n");
  EXPECT_EQ(got.error, "");
  EXPECT_TRUE(got.complete);
}

TEST(Reader, takes_a_sink_s_reason_as_text_and_other_values_as_json) {
  const std::string text = R"({"index":0,"value":"expired","type":"ok","f":"sink"})"
                           "\n"
                           R"({"index":1,"value":"paid","type":"ok","f":"effect"})"
                           "\n";
  Reader reader = Reader::over(text);
  EXPECT_EQ(reader.next().value()->value, "expired");
  EXPECT_EQ(reader.next().value()->value, "\"paid\"");
}

TEST(Reader, drops_a_cut_last_line_and_says_so) {
  const std::string last = line(1, R"(,"id":"cut")");
  for (std::size_t length = 1; length < last.size(); ++length) {
    const auto got = read(line(0) + last.substr(0, length));
    ASSERT_EQ(got.error, "") << length;
    EXPECT_EQ(got.ids.size(), 1U);
    EXPECT_FALSE(got.complete);
    EXPECT_THAT(got.warnings, testing::ElementsAre(testing::HasSubstr("h:2: the last line was cut off")));
  }
}

TEST(Reader, knows_when_a_run_did_not_end) {
  const std::string start = R"({"index":0,"type":"info","f":"run","phase":"start"})"
                            "\n";
  const std::string stop = R"({"index":1,"type":"info","f":"run","phase":"stop"})"
                           "\n";
  EXPECT_FALSE(read(start).complete);
  EXPECT_TRUE(read(start + stop).complete);
  EXPECT_TRUE(read(line(0)).complete) << "histories from elsewhere have no run";
  EXPECT_FALSE(read("").complete);
}

TEST(Reader, reads_across_the_pieces_it_reads_in) {
  std::string text;
  for (int i = 0; i < 20000; ++i) {
    text +=
        line(i, R"(,"id":")" + std::string(static_cast<std::size_t>(i * 7919 % 501), 'x') + std::to_string(i) + "\"");
  }
  const auto path = std::filesystem::temp_directory_path() / ("troop-reader-test-" + std::to_string(::getpid()));
  std::ofstream{path} << text;
  auto opened = Reader::open(path);
  ASSERT_TRUE(opened);
  const auto got = drain(std::move(opened.value()));
  std::filesystem::remove(path);
  EXPECT_EQ(got.error, "");
  ASSERT_EQ(got.ids.size(), 20000U);
  for (int i = 0; i < 20000; ++i) {
    ASSERT_EQ(got.ids[static_cast<std::size_t>(i)],
              std::string(static_cast<std::size_t>(i * 7919 % 501), 'x') + std::to_string(i));
  }
}

TEST(Reader, takes_long_lines_and_refuses_endless_ones) {
  EXPECT_EQ(read(line(0, R"(,"pad":")" + std::string(900'000, 'x') + "\"") + line(1)).ids.size(), 2U);
  EXPECT_THAT(read(line(0) + line(1, R"(,"pad":")" + std::string(2'000'000, 'x') + "\"")).error,
              testing::StartsWith("h:2: the line is longer than 1048576 bytes"));
  EXPECT_THAT(read(std::string(20'000'000, '\0')).error, testing::StartsWith("h:1: the line is longer"));
}

TEST(Reader, says_what_is_wrong_with_a_path) {
  const auto missing = Reader::open("/no/such/history.ndjson");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::usage);
  EXPECT_EQ(missing.error().context, "/no/such/history.ndjson: no such history");
  const auto folder = Reader::open(std::filesystem::temp_directory_path());
  ASSERT_FALSE(folder);
  EXPECT_THAT(folder.error().context, testing::HasSubstr("is a folder"));
}

}  // namespace
}  // namespace troop::history
