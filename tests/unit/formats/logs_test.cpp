#include "reports/formats/logs.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reports/formats/formats.hpp"
#include "tests/support/run_documents.hpp"

namespace troop::formats {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono_literals;

constexpr std::int64_t noon = 1'795'262'400'000'000'000;  // 2026-11-21 12:00:00 UTC

struct Secret {
  std::string name, text, shown;
  friend void PrintTo(const Secret& secret, std::ostream* out) { *out << secret.name; }
};

class Credentials : public ::testing::TestWithParam<Secret> {};

TEST_P(Credentials, AreTakenOut) { EXPECT_EQ(without_credentials(GetParam().text), GetParam().shown); }

INSTANTIATE_TEST_SUITE_P(, Credentials,
                         ::testing::ValuesIn(std::vector<Secret>{
                             {"of_a_url", "to amqp://guest:s3cret@host:5672/%2f now",
                              "to amqp://[redacted]@host:5672/%2f now"},
                             {"with_odd_signs", "amqps://u:p@ss/w:rd@host/", "amqps://[redacted]@host/"},
                             {"not_of_a_plain_url", "see https://rabbitmq.com/a b@c", "see https://rabbitmq.com/a b@c"},
                             {"in_quotes", "\"amqp://a:b@h\" and \"x@y\"", "\"amqp://[redacted]@h\" and \"x@y\""},
                             {"after_a_word", "default_pass = hunter2, next", "default_pass = [redacted], next"},
                             {"in_capitals", "PASSWORD: hunter2", "PASSWORD: [redacted]"},
                             {"in_an_erlang_term", "{password,<<\"hunter2\">>}", "{password,<<\"[redacted]\">>}"},
                             {"in_json", R"({"secret":"hunter2","a":1})", R"({"secret":"[redacted]","a":1})"},
                             {"of_the_cookie", "cookie hash    : Xy9+/==", "cookie hash    : [redacted]"},
                             {"of_a_header", "Authorization: Basic Zm9v==", "Authorization: Basic [redacted]"},
                             {"only_where_there_is_one", "the password was refused", "the password was refused"},
                             {"at_the_end", "secret=", "secret="}}),
                         [](const auto& one) { return one.param.name; });

TEST(LogLine, LosesControlCharactersAndTerminalSequences) {
  EXPECT_EQ(without_controls("a\x1b[31;1mred\x1b[0m\tb\r\x07\x7f\xC2\x9Bz\xC3\xA9"), "ared bz\xC3\xA9");
  EXPECT_EQ(without_controls("cut \x1b["), "cut ");
  EXPECT_EQ(without_controls("bad \xFF byte"), "bad \xEF\xBF\xBD byte");
}

std::string line(double at, const std::string& level, const std::string& text) {
  const auto micro = static_cast<std::int64_t>(at * 1e6);
  return fmt::format("2026-11-21 12:00:{:02}.{:06}+00:00 [{}] <0.1.0> {}\n", micro / 1'000'000, micro % 1'000'000,
                     level, text);
}

std::vector<FaultRecord> fault(Duration asked, std::optional<Duration> restored) {
  FaultRecord record;
  record.step = 3;
  record.name = "broker.kill";
  record.asked = asked;
  record.restored = restored;
  return {record};
}

TEST(Excerpt, HoldsWhatWasSaidAroundTheFaultOnly) {
  const std::string log = "a banner without a time\n" + line(3, "info", "long before") +
                          line(9.5, "info", "just before") + line(12, "error", "in the middle") +
                          "  and its second line\n" + line(12.5, "debug", "noise") + line(17.9, "info", "just after") +
                          line(18.2, "info", "later");
  const auto found = excerpts(log, "evidence/broker.log", fault(10s, 16s), 60s, noon);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].step, 3);
  EXPECT_EQ(found[0].log, "evidence/broker.log");
  std::vector<std::string> said;
  for (const auto& one : found[0].lines) said.push_back(fmt::format("{} {} {}", one.at / 1ms, one.level, one.text));
  EXPECT_THAT(said, ::testing::ElementsAre("9500 info <0.1.0> just before", "12000 error <0.1.0> in the middle",
                                           "12000 error   and its second line", "17900 info <0.1.0> just after"));
}

TEST(Excerpt, ReadsTheTimeZone) {
  const std::string log = "2026-11-21 14:30:11.250000+02:30 [info] x\n2026-11-21 09:00:12.000000-03:00 [info] y\n";
  const auto found = excerpts(log, "l", fault(10s, 16s), 60s, noon);
  ASSERT_EQ(found[0].lines.size(), 2U);
  EXPECT_EQ(found[0].lines[0].at, 11'250ms);
  EXPECT_EQ(found[0].lines[1].at, 12s);
}

TEST(Excerpt, OfAFaultThatNeverEndedGoesToTheEndOfTheRun) {
  const std::string log = line(50, "info", "late");
  EXPECT_EQ(excerpts(log, "l", fault(10s, {}), 55s, noon)[0].lines.size(), 1U);
  EXPECT_EQ(excerpts(log, "l", fault(10s, {}), 40s, noon)[0].lines.size(), 0U);
  std::vector<FaultRecord> skipped(1);
  EXPECT_TRUE(excerpts(log, "l", skipped, 55s, noon).empty());
}

TEST(Excerpt, IsShortAndKeepsWhatMatters) {
  std::string log;
  for (int n = 0; n < 3'000; ++n) {
    log += line(11 + n * 0.001, n == 1'500 ? "error" : "info", fmt::format("line {} {}", n, std::string(600, 'x')));
  }
  const auto found = excerpts(log, "l", fault(10s, 16s), 60s, noon);
  const auto& lines = found[0].lines;
  EXPECT_EQ(lines.size(), excerpt_lines_max + 2) << "and two that tell of gaps";
  EXPECT_THAT(lines.front().text, HasSubstr("line 0 "));
  EXPECT_THAT(lines.back().text, HasSubstr("line 2999 "));
  std::int64_t left_out = 0;
  int errors = 0;
  for (const auto& one : lines) {
    EXPECT_LE(one.text.size(), excerpt_line_bytes_max + 4);
    errors += one.level == "error" ? 1 : 0;
    if (!one.level.empty()) continue;
    std::string digits;  // "(1,480 lines left out here)"
    std::copy_if(one.text.begin(), one.text.end(), std::back_inserter(digits),
                 [](char c) { return c >= '0' && c <= '9'; });
    left_out += std::stoll(digits);
  }
  EXPECT_EQ(errors, 1);
  EXPECT_EQ(left_out + static_cast<std::int64_t>(excerpt_lines_max), 3'000);
}

TEST(Excerpt, IsHarmlessInThePage) {
  auto document = testing::sample_document();
  document.excerpts = excerpts(line(11, "warning", "<script>alert(1)</script> amqp://u:hunter2@h \x1b[2J") +
                                   line(12, "in\" onclick=\"fo", "odd level"),
                               "evidence/broker.log", fault(10s, 16s), 60s, noon);
  document.excerpts[0].step = 1;
  const std::string page = to_html(document);
  EXPECT_THAT(page, AllOf(HasSubstr("&lt;script&gt;alert(1)&lt;/script&gt; amqp://[redacted]@h"),
                          Not(HasSubstr("<script>alert")), Not(HasSubstr("hunter2")), Not(HasSubstr("\x1b")),
                          Not(HasSubstr("onclick=\""))));
}

}  // namespace
}  // namespace troop::formats
