#include "reports/formats/text.hpp"

#include <gtest/gtest.h>

namespace troop::formats {
namespace {

using namespace std::chrono_literals;

TEST(Text, ReplacesBytesThatAreNotUtf8) {
  EXPECT_EQ(valid_utf8("plain"), "plain");
  EXPECT_EQ(valid_utf8("gr\xC3\xBC\xC3\x9F \xE2\x82\xAC \xF0\x9F\x90\x87"),
            "gr\xC3\xBC\xC3\x9F \xE2\x82\xAC \xF0\x9F\x90\x87");
  const std::string bad = "\xEF\xBF\xBD";
  EXPECT_EQ(valid_utf8("a\xFF"), "a" + bad);
  EXPECT_EQ(valid_utf8("\xC3"), bad) << "cut in the middle";
  EXPECT_EQ(valid_utf8("\xC0\x80"), bad + bad) << "a longer form than needed";
  EXPECT_EQ(valid_utf8("\xED\xA0\x80"), bad + bad + bad) << "a surrogate";
  EXPECT_EQ(valid_utf8("\xF5\x80\x80\x80"), bad + bad + bad + bad) << "beyond Unicode";
}

TEST(Text, ShowsControlCharactersInsteadOfObeyingThem) {
  EXPECT_EQ(printable("a\x1b[31mb"), "a\\x1b[31mb");
  EXPECT_EQ(printable("a\nb\tc"), "a b c");
  EXPECT_EQ(printable("\xC2\x9B"
                      "2J"),
            "\\x9b2J")
      << "the one-byte form of escape and bracket";
  EXPECT_EQ(printable("\x7f"), "\\x7f");
  EXPECT_EQ(printable("\xC3\xBC"), "\xC3\xBC");
}

TEST(Text, GroupsDigitsByThree) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1'000), "1,000");
  EXPECT_EQ(grouped(-1'234'567), "-1,234,567");
  EXPECT_EQ(grouped(INT64_MIN), "-9,223,372,036,854,775,808");
}

TEST(Text, WritesMomentsAndSpans) {
  EXPECT_EQ(moment(5123ms), "+5.123 s");
  EXPECT_EQ(moment(-1ms), "-0.001 s");
  EXPECT_EQ(moment(0ms), "+0.000 s");
  EXPECT_EQ(span_text(0ms), "0 ms");
  EXPECT_EQ(span_text(100us), "< 1 ms");
  EXPECT_EQ(span_text(41ms), "41 ms");
  EXPECT_EQ(span_text(999'800us), "1.00 s");
  EXPECT_EQ(span_text(5130ms), "5.13 s");
  EXPECT_EQ(span_text(41'830ms), "41.8 s");
  EXPECT_EQ(span_text(125s), "2 min 05 s");
  EXPECT_EQ(span_text(3h + 4min), "3 h 04 min");
}

TEST(Text, WritesWallTimeInUtc) {
  EXPECT_EQ(wall_text(1'795'248'842'123'000'000), "2026-11-21 08:14:02 UTC");
  EXPECT_EQ(wall_iso(1'795'248'842'123'000'000), "2026-11-21T08:14:02.123Z");
}

TEST(Text, ListsThings) {
  EXPECT_EQ(listed({}), "");
  EXPECT_EQ(listed({"a"}), "a");
  EXPECT_EQ(listed({"a", "b"}), "a and b");
  EXPECT_EQ(listed({"a", "b", "c"}), "a, b and c");
  EXPECT_EQ(plural(1, "fault"), "1 fault");
  EXPECT_EQ(plural(2'000, "event"), "2,000 events");
}

}  // namespace
}  // namespace troop::formats
