#include "reports/history/line.hpp"

#include <gmock/gmock.h>

#include <random>

namespace troop::history {
namespace {

/// A line with what a parser may read behind it.
struct Padded {
  explicit Padded(std::string_view text) : bytes(std::string{text} + '\n'), length(text.size()) {
    bytes.append(simdjson::SIMDJSON_PADDING, '\xee');
  }
  [[nodiscard]] std::string_view line() const { return {bytes.data(), length}; }
  std::string bytes;
  std::size_t length;
};

std::string describe(const Event& e) {
  std::ostringstream out;
  for (const std::int64_t number : {e.index, e.time, e.op, e.attempt, e.seq, e.intended, e.tag}) out << number << ' ';
  for (const bool truth : {e.has_time, e.has_exchange, e.redelivered, e.multiple, e.requeue}) out << truth << ' ';
  out << static_cast<int>(e.type) << ' ' << static_cast<int>(e.f);
  for (const auto text : {e.process, e.f_name, e.error, e.id, e.key, e.exchange, e.routing_key, e.queue, e.producer,
                          e.channel, e.ack, e.name, e.target, e.phase, e.reason, e.value}) {
    out << '|' << text;
  }
  return out.str();
}

/// Whether the plain parser takes the line; where it does, it must find what the other one finds.
bool is_plain(LineParser& parser, std::string_view text) {
  const Padded padded{text};
  Event plain, any;
  const auto taken = parser.parse_plain(plain, padded.bytes.data());
  if (taken.end == nullptr) return false;
  const std::string found = describe(plain) + std::string{taken.complaint};
  const std::string complaint = parser.parse_any(any, padded.line());
  EXPECT_EQ(taken.end, padded.bytes.data() + padded.length) << text;
  EXPECT_EQ(found, describe(any) + complaint) << text;
  return true;
}

const std::vector<std::string>& samples() {
  static const std::vector<std::string> lines{
      R"({"index":1,"time":0,"process":"producer-2","type":"invoke","f":"publish","op":437,"id":"p2-218","attempt":1,)"
      R"("key":"k53","seq":437,"exchange":"","routing_key":"troop.work"})",
      R"({"index":3,"time":12,"process":"c","type":"ok","f":"deliver","id":17,"attempt":1,"queue":"q","tag":9,)"
      R"("redelivered":true,"multiple":false,"mystery":"?","key":null,"error":"nack"})",
      R"({ "index" : 4, "time" : 999999999999999999, "type" : "ok", "f" : "sink", "value" : "expired" } )",
      R"({"index":5,"type":"info","f":"probe","name":"p","target":"t","phase":"start","value":17,"value":"x"})",
  };
  return lines;
}

TEST(PlainLine, is_what_the_writer_writes) {
  LineParser parser;
  for (const auto& line : samples()) EXPECT_TRUE(is_plain(parser, line)) << line;
}

TEST(PlainLine, reads_numbers_of_every_length) {
  LineParser parser;
  for (const std::string digits : {"918273645546372819", "999999999999999999", "100000000000000000"}) {
    for (std::size_t length = 1; length <= digits.size(); ++length) {
      const std::string number = digits.substr(0, length);
      for (const char* const after : {"}", " }", ",\"seq\":0}", ",\"op\":12345678}"}) {
        const std::string line = R"({"index":1,"type":"ok","f":"publish","time":)" + number + after;
        EXPECT_TRUE(is_plain(parser, line)) << line;
      }
      const Padded padded{R"({"index":1,"type":"ok","f":"publish","time":)" + number + "}"};
      Event event;
      ASSERT_NE(parser.parse_plain(event, padded.bytes.data()).end, nullptr);
      EXPECT_EQ(std::to_string(event.time), number);
    }
  }
}

TEST(PlainLine, is_nothing_else) {
  LineParser parser;
  const std::string begin = R"({"index":1,"type":"ok","f":"publish","id":)";
  for (const char* const rest : {R"("a\n"})",
                                 R"("a\"})",
                                 "\"\xc3\xa9\"}",
                                 "\"a\tb\"}",
                                 R"("a)",
                                 R"("a")",
                                 R"("a",})",
                                 R"("a"},)",
                                 R"("a"}})",
                                 R"("a"} x)",
                                 R"("a" "b"})",
                                 R"("a":1})",
                                 R"("a",,"x":1})",
                                 R"("a","x"})",
                                 R"("a",x:1})",
                                 "01}",
                                 "1.0}",
                                 "1e3}",
                                 "-1}",
                                 "1234567890123456789}",
                                 "1x}",
                                 "truee}",
                                 "nul}",
                                 "[]}",
                                 "{}}",
                                 "}",
                                 "'a'}",
                                 "1\t}"}) {
    EXPECT_FALSE(is_plain(parser, begin + rest)) << rest;
  }
}

TEST(PlainLine, damaged_anywhere_says_what_the_full_parser_says) {
  constexpr std::string_view alphabet = "\"\\{}[]:, \t0123456789-.eaftrunl\x01\x80\xff";
  std::mt19937_64 random{20240601};
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  LineParser parser;
  std::size_t taken = 0;
  for (int round = 0; round < 60'000; ++round) {
    std::string line = samples()[below(samples().size())];
    for (std::size_t edits = 1 + below(3); edits > 0; --edits) {
      const std::size_t at = below(line.size());
      switch (below(3)) {
        case 0:
          line[at] = alphabet[below(alphabet.size())];
          break;
        case 1:
          line.insert(at, 1, alphabet[below(alphabet.size())]);
          break;
        default:
          line.erase(at, 1 + below(3));
      }
    }
    if (line.empty()) continue;
    taken += is_plain(parser, line) ? 1 : 0;
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(taken, 5'000U) << "damage that leaves the line plain must be among it";
}

}  // namespace
}  // namespace troop::history
