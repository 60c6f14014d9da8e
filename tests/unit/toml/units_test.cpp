#include "scenarios/toml/units.hpp"

#include <gmock/gmock.h>

#include "scenarios/toml/reader.hpp"

namespace troop::scenarios {
namespace {

using namespace std::chrono_literals;

TEST(Units, durations_are_a_number_and_a_unit) {
  const std::vector<std::pair<std::string_view, Duration>> good{
      {"5s", 5s},   {"200ms", 200ms}, {"1.5s", 1500ms}, {"0s", 0s},       {"2m", 2min},    {"24h", 24h},
      {"7us", 7us}, {"9ns", 9ns},     {" 5 s ", 5s},    {"0.1ms", 100us}, {"0.001s", 1ms}, {"1440m", 24h},
  };
  for (const auto& [text, expected] : good) {
    const auto duration = parse_duration(text);
    ASSERT_TRUE(duration.has_value()) << text;
    EXPECT_EQ(duration.value(), expected) << text;
  }
}

TEST(Units, what_is_no_duration_is_refused) {
  for (const auto* text :
       {"",       " ",         "5",   "s",   "5 parsecs", "-5s",  "+5s", "1e3s", "0x5s",
        "1.2.3s", ".5s",       "5.s", "25h", "inf",       "nans", "5S",  "5s5s", "99999999999999999999999999999999s",
        "1 000s", "\xc2\xb5s", "5\ts"}) {
    EXPECT_FALSE(parse_duration(text).has_value()) << text;
  }
}

TEST(Units, a_printed_duration_reads_back) {
  for (const Duration d : {Duration{0}, Duration{1}, Duration{1'500'000'000}, Duration{24h}, Duration{123'456'789}}) {
    EXPECT_EQ(parse_duration(model::to_text(d)).value(), d);
  }
}

TEST(Units, nearest_finds_slips_and_nothing_else) {
  const std::vector<std::string> known{"duration", "name", "rate", "prefetch", "for", "at"};
  EXPECT_EQ(nearest("duraton", known), "duration");
  EXPECT_EQ(nearest("DURATION", known), "duration");
  EXPECT_EQ(nearest("nmae", known), "name") << "two letters swapped are one slip";
  EXPECT_EQ(nearest("pre_fetch", known), "prefetch");
  EXPECT_EQ(nearest("completely-else", known), std::nullopt);
  EXPECT_EQ(nearest("xy", known), std::nullopt);
  EXPECT_EQ(nearest(std::string(100'000, 'a'), known), std::nullopt);
}

TEST(Units, quotes_show_what_a_terminal_must_not_get) {
  EXPECT_EQ(in_quotes("a\x1b[2J"), "\"a\\u001b[2J\"");
  EXPECT_EQ(in_quotes("caf\xe9"), "\"caf\\xe9\"");
  EXPECT_EQ(in_quotes("café"), "\"café\"");
  EXPECT_EQ(in_quotes("a\"b"), "\"a\\\"b\"");
  EXPECT_LT(in_quotes(std::string(1000, 'a')).size(), 80U);
  EXPECT_EQ(in_quotes("amqp://user:password@host"), "\"amqp://…\"");
}

TEST(Units, utf8_is_checked_strictly) {
  EXPECT_EQ(invalid_utf8("aé€😀"), std::string_view::npos);
  EXPECT_EQ(invalid_utf8("a\x80"), 1U);
  EXPECT_EQ(invalid_utf8("\xc0\xaf"), 0U) << "overlong";
  EXPECT_EQ(invalid_utf8("\xed\xa0\x80"), 0U) << "surrogate";
  EXPECT_EQ(invalid_utf8("\xf4\x90\x80\x80"), 0U) << "beyond Unicode";
  EXPECT_EQ(invalid_utf8("ab\xe2\x82"), 2U) << "cut short";
}

}  // namespace
}  // namespace troop::scenarios
