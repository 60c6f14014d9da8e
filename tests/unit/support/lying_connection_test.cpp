#include "tests/support/lying_connection.hpp"

#include <gtest/gtest.h>

#include <sstream>

namespace troop::test {
namespace {

using Secrets = std::map<std::string, Lie, std::less<>>;
using Where = LiePlan::Where;

constexpr std::uint32_t deliver_id = 60U << 16 | 60;
constexpr std::uint32_t publish_id = 60U << 16 | 40;
constexpr std::uint32_t cancel_ok_id = 60U << 16 | 31;
constexpr std::uint32_t channel_open_id = 20U << 16 | 10;

std::string frame(AmqpFrame::Type type, const std::string& payload, std::uint16_t channel = 1) {
  std::string out;
  append_integer(out, type, 1);
  append_integer(out, channel, 2);
  append_integer(out, payload.size(), 4);
  return out + payload + AmqpFrame::end;
}

std::string method(std::uint32_t id, const std::string& arguments = "", std::uint16_t channel = 1) {
  std::string out;
  append_integer(out, id, 4);
  return frame(AmqpFrame::method, out + arguments, channel);
}

std::string short_text(const std::string& text) { return static_cast<char>(text.size()) + text; }

/// Content header and body, in two frames, of a message with the id and the header that Troop's have.
std::string content(const std::string& id, const std::string& key, std::size_t body_bytes = 10) {
  std::string header;
  append_integer(header, 60, 2);
  append_integer(header, 0, 2);
  append_integer(header, body_bytes, 8);
  append_integer(header, 1U << 13 | 1U << 7, 2);  // headers and message-id
  std::string entry = short_text("troop") + 'S';
  const std::string value = "1.7.1." + key;
  append_integer(entry, value.size(), 4);
  entry += value;
  append_integer(header, entry.size(), 4);
  std::string out = frame(AmqpFrame::content_header, header + entry + short_text(id));
  if (body_bytes > 0) out += frame(AmqpFrame::body, std::string(body_bytes / 2, '\xCE'));
  if (body_bytes > 0) out += frame(AmqpFrame::body, std::string(body_bytes - body_bytes / 2, 'y'));
  return out;
}

std::string deliver(std::uint64_t tag, const std::string& id, const std::string& key, bool redelivered = false) {
  std::string arguments = short_text("troop");
  append_integer(arguments, tag, 8);
  append_integer(arguments, redelivered ? 1 : 0, 1);
  return method(deliver_id, arguments + short_text("") + short_text("q")) + content(id, key);
}

std::string publish(const std::string& id, const std::string& key) {
  std::string arguments;
  append_integer(arguments, 0, 2);
  arguments += short_text("") + short_text("q") + '\1';
  return method(publish_id, arguments) + content(id, key, 0);
}

/// "ack 3", "nack 3 all", "reject 3".
std::string answer(const std::string& text) {
  std::istringstream in{text};
  std::string word, all;
  std::uint64_t number = 0;
  in >> word >> number >> all;
  std::string arguments;
  append_integer(arguments, number, 8);
  append_integer(arguments, (all.empty() ? 0 : 1) | (word == "nack" ? 2 : 0), 1);
  const std::uint32_t id = word == "ack" ? 80 : word == "nack" ? 120 : 90;
  return method(60U << 16 | id, arguments);
}

/// What a side gets, a word or two for each message and answer: "1:a" is message a with delivery tag 1.
std::vector<std::string> words_of(const std::string& bytes) {
  std::vector<std::string> words;
  FrameCutter cutter;
  cutter.feed(bytes);
  std::string tag;
  while (const auto frame = cutter.next()) {
    const auto id = frame->method_id();
    if (id == deliver_id) {
      tag = std::to_string(read_integer(frame->payload.substr(10), 8)) + ":";
    } else if (id == publish_id) {
      tag.clear();
    } else if (frame->type == AmqpFrame::content_header) {
      words.push_back(tag + std::string{frame->payload.substr(frame->payload.size() - 1)});
    } else if (frame->type == AmqpFrame::method) {
      const std::string name = id == (60U << 16 | 80)    ? "ack"
                               : id == (60U << 16 | 120) ? "nack"
                               : id == (60U << 16 | 90)  ? "reject"
                                                         : "other";
      words.push_back(name == "other" ? name : name + " " + std::to_string(read_integer(frame->payload.substr(4), 8)));
    }
  }
  EXPECT_FALSE(cutter.broken());
  return words;
}

struct Case {
  const char* name;
  Where where;
  Secrets secrets;
  std::size_t duplicate_after;
  std::vector<std::string> sent;      ///< "a1": message a of key 1; "a1!": redelivered; "." cancel-ok.
  std::vector<std::string> answered;  ///< By who got them, in the numbers that it knows.
  std::vector<std::string> onward;    ///< What that side got.
  std::vector<std::string> back;      ///< What the sender got, the relay's own answers first.
  Secrets told;
  std::size_t problems = 0;
  friend void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }
};

class LyingConnectionTest : public testing::TestWithParam<Case> {};

TEST_P(LyingConnectionTest, TellsBothSidesAStoryThatFits) {
  const Case& c = GetParam();
  const bool deliveries = c.where == Where::deliveries;
  const LiePlan plan{c.where, c.secrets, c.duplicate_after};
  LieReport report;
  LyingConnection relay{plan, report};
  RelayOutput out;
  ASSERT_TRUE(relay.from_client(method(channel_open_id, short_text("")), out));
  out = {};
  std::uint64_t tag = 0;
  for (const auto& each : c.sent) {
    const std::string id = each.substr(0, 1), key = each.substr(1, 1);
    const std::string bytes = each == "."  ? method(cancel_ok_id, short_text("troop"))
                              : deliveries ? deliver(++tag, id, key, each.ends_with('!'))
                                           : publish(id, key);
    EXPECT_TRUE(deliveries ? relay.from_broker(bytes, out) : relay.from_client(bytes, out));
  }
  for (const auto& each : c.answered) {
    EXPECT_TRUE(deliveries ? relay.from_client(answer(each), out) : relay.from_broker(answer(each), out));
  }
  EXPECT_EQ(words_of(deliveries ? out.to_client : out.to_broker), c.onward);
  EXPECT_EQ(words_of(deliveries ? out.to_broker : out.to_client), c.back);
  EXPECT_EQ(report.told, c.told);
  EXPECT_EQ(report.problems.size(), c.problems);
}

INSTANTIATE_TEST_SUITE_P(, LyingConnectionTest,
                         testing::ValuesIn(std::vector<Case>{
                             {"silent_where_nothing_is_secret",
                              Where::deliveries,
                              {},
                              0,
                              {"a1", "b1"},
                              {"ack 1", "nack 2"},
                              {"1:a", "2:b"},
                              {"ack 1", "nack 2"},
                              {}},
                             {"a_dropped_delivery_is_acknowledged_and_leaves_no_gap",
                              Where::deliveries,
                              {{"b", Lie::drop}},
                              0,
                              {"a1", "b1", "c1"},
                              {"ack 1", "ack 2"},
                              {"1:a", "2:c"},
                              {"ack 2", "ack 1", "ack 3"},
                              {{"b", Lie::drop}}},
                             {"a_duplicate_has_a_tag_of_its_own_that_the_broker_never_sees",
                              Where::deliveries,
                              {{"a", Lie::duplicate}},
                              0,
                              {"a1", "b1"},
                              {"ack 1", "ack 2", "ack 3"},
                              {"1:a", "2:a", "3:b"},
                              {"ack 1", "ack 2"},
                              {{"a", Lie::duplicate}}},
                             {"a_duplicate_may_come_later",
                              Where::deliveries,
                              {{"a", Lie::duplicate}},
                              2,
                              {"a1", "b1", "c2", "d1"},
                              {"reject 4", "ack 3"},
                              {"1:a", "2:b", "3:c", "4:a", "5:d"},
                              {"ack 3"},
                              {{"a", Lie::duplicate}}},
                             {"a_swap_waits_for_the_next_of_its_key",
                              Where::deliveries,
                              {{"a", Lie::swap}},
                              0,
                              {"a1", "b2", "c1", "d1"},
                              {"ack 1", "ack 2", "ack 3"},
                              {"1:b", "2:c", "3:a", "4:d"},
                              {"ack 2", "ack 3", "ack 1"},
                              {{"a", Lie::swap}}},
                             {"a_dropped_one_is_nobody_to_swap_with",
                              Where::deliveries,
                              {{"a", Lie::swap}, {"b", Lie::drop}},
                              0,
                              {"a1", "b1", "c1"},
                              {},
                              {"1:c", "2:a"},
                              {"ack 2"},
                              {{"a", Lie::swap}, {"b", Lie::drop}}},
                             {"two_neighbours_swap_with_the_one_behind_them",
                              Where::deliveries,
                              {{"a", Lie::swap}, {"b", Lie::swap}},
                              0,
                              {"a1", "b1", "c1"},
                              {},
                              {"1:c", "2:a", "3:b"},
                              {},
                              {{"a", Lie::swap}, {"b", Lie::swap}}},
                             {"an_answer_to_all_becomes_one_to_each",
                              Where::deliveries,
                              {{"b", Lie::drop}, {"c", Lie::duplicate}},
                              0,
                              {"a1", "b1", "c1", "d1"},
                              {"nack 3 all", "ack 0 all"},
                              {"1:a", "2:c", "3:c", "4:d"},
                              {"ack 2", "nack 1", "nack 3", "ack 4"},
                              {{"b", Lie::drop}, {"c", Lie::duplicate}}},
                             {"what_comes_again_is_left_alone",
                              Where::deliveries,
                              {{"a", Lie::drop}, {"b", Lie::drop}},
                              0,
                              {"a1!", "b1", "b1"},
                              {},
                              {"1:a", "2:b"},
                              {"ack 2"},
                              {{"b", Lie::drop}}},
                             {"what_waits_in_vain_is_told_of",
                              Where::deliveries,
                              {{"a", Lie::swap}, {"b", Lie::duplicate}},
                              9,
                              {"a1", "b2", "."},
                              {},
                              {"1:b", "2:a", "3:b", "other"},
                              {},
                              {{"b", Lie::duplicate}},
                              1},
                             {"an_answer_to_nothing_is_told_of",
                              Where::deliveries,
                              {},
                              0,
                              {"a1"},
                              {"ack 2", "ack 1", "ack 1"},
                              {"1:a"},
                              {"ack 1"},
                              {},
                              2},
                             {"a_dropped_publish_is_confirmed_and_those_behind_it_keep_their_numbers",
                              Where::publishes,
                              {{"b", Lie::drop}},
                              0,
                              {"a1", "b1", "c1"},
                              {"ack 2", "ack 1"},
                              {"a", "c"},
                              {"ack 2", "ack 3", "ack 1"},
                              {{"b", Lie::drop}}},
                             {"a_duplicated_publish_is_confirmed_once",
                              Where::publishes,
                              {{"a", Lie::duplicate}},
                              1,
                              {"a1", "b1", "c1"},
                              {"ack 4 all"},
                              {"a", "b", "a", "c"},
                              {"ack 1", "ack 2", "ack 3"},
                              {{"a", Lie::duplicate}}},
                             {"swapped_publishes_are_confirmed_by_their_own_numbers",
                              Where::publishes,
                              {{"a", Lie::swap}},
                              0,
                              {"a1", "b1"},
                              {"nack 1", "ack 2"},
                              {"b", "a"},
                              {"nack 2", "ack 1"},
                              {{"a", Lie::swap}}},
                         }),
                         [](const auto& c) { return std::string{c.param.name}; });

TEST(LyingConnectionBytesTest, PassesAllElseByteForByteInWhateverPiecesItComes) {
  const std::string heartbeat = frame(static_cast<AmqpFrame::Type>(8), "", 0);
  const std::string other_channel = method(deliver_id, std::string(20, '\0'), 2);
  const std::string returned = method(60U << 16 | 50, std::string(8, '\0')) + content("a", "1");
  const std::string client = std::string{"AMQP\0\0\x9\x1", 8} + method(channel_open_id, short_text("")) + heartbeat;
  const std::string broker = heartbeat + other_channel + returned + deliver(1, "b", "1") + heartbeat;
  for (std::size_t size = 1; size < broker.size(); ++size) {
    const LiePlan plan{Where::deliveries, {{"a", Lie::drop}}, 0};
    LieReport report;
    LyingConnection relay{plan, report};
    RelayOutput out;
    for (std::size_t at = 0; at < client.size(); at += size)
      EXPECT_TRUE(relay.from_client(client.substr(at, size), out));
    for (std::size_t at = 0; at < broker.size(); at += size)
      EXPECT_TRUE(relay.from_broker(broker.substr(at, size), out));
    ASSERT_EQ(out.to_broker, client) << size;
    ASSERT_EQ(out.to_client, broker) << size;
    EXPECT_EQ(report.messages, 1U);
  }
}

TEST(LyingConnectionBytesTest, TakesNothingFromWhatIsNoAmqp) {
  std::string no_end = method(deliver_id);
  no_end.back() = 'x';
  for (const std::string& bytes : {no_end, std::string(20, '\xFF')}) {
    const LiePlan plan;
    LieReport report;
    LyingConnection relay{plan, report};
    RelayOutput out;
    EXPECT_FALSE(relay.from_broker(bytes, out));
    EXPECT_EQ(out.to_client, "");
  }
}

}  // namespace
}  // namespace troop::test
