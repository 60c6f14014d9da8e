// What every document promises, over the whole table: a new format is held to this without being named here.
#include "reports/formats/formats.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/support/run_documents.hpp"

namespace troop::formats {

void PrintTo(const Format& format, std::ostream* out) { *out << format.name; }

namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(FormatTable, IsNotEmptyAndNamesEachFormatOnce) {
  std::set<std::string_view> names;
  std::set<std::string_view> files;
  for (const auto& format : formats()) {
    EXPECT_TRUE(names.insert(format.name).second) << format.name;
    EXPECT_TRUE(format.file.empty() || files.insert(format.file).second) << format.file;
    EXPECT_EQ(find_format(format.name), &format);
  }
  EXPECT_THAT(names, ::testing::IsSupersetOf({"terminal", "json", "html", "junit", "markdown"}));
  EXPECT_EQ(find_format("no-such-format"), nullptr);
}

class EveryFormat : public ::testing::TestWithParam<Format> {
 protected:
  static std::string render(const RunDocument& document) { return GetParam().render(document, {}); }
};

TEST_P(EveryFormat, RendersEveryVerdictAndOutcome) {
  for (const auto verdict : {invariants::Verdict::pass, invariants::Verdict::inconclusive, invariants::Verdict::fail}) {
    std::set<std::string> texts;
    for (const auto outcome :
         {invariants::Outcome::holds, invariants::Outcome::unknown, invariants::Outcome::violated}) {
      RunDocument document = testing::sample_document();
      document.judged.verdict = verdict;
      for (auto& judgement : document.judged.invariants) judgement.outcome = outcome;
      const std::string text = render(document);
      EXPECT_THAT(text, HasSubstr(std::string{invariants::to_text(outcome)}));
      texts.insert(text);
    }
    EXPECT_EQ(texts.size(), 3U);
  }
}

TEST_P(EveryFormat, RendersADocumentWithoutAnything) {
  EXPECT_FALSE(render(RunDocument{}).empty());
  EXPECT_FALSE(render(testing::bare_document()).empty());
}

TEST_P(EveryFormat, IsTheSameEveryTime) {
  EXPECT_EQ(render(testing::sample_document()), render(testing::sample_document()));
}

TEST_P(EveryFormat, EndsWithANewline) { EXPECT_EQ(render(testing::sample_document()).back(), '\n'); }

TEST_P(EveryFormat, NamesTheAnomaliesAndTheTimeOfTheFault) {
  const std::string text = render(testing::sample_document());
  for (const std::string part :
       {"p1-5021", "p2-5018", "broker.kill", "lost", "delivery", "20371", "consumer-2 was ended"}) {
    const bool there =
        text.find(part) != std::string::npos || (part == "20371" && text.find("+20.371 s") != std::string::npos);
    EXPECT_TRUE(there) << part;
  }
}

TEST_P(EveryFormat, IsValidUtf8WhateverItQuotes) {
  for (const std::string hostile : {"\xFF\xFE", "\xC3", "\xED\xA0\x80", "\xF0\x9F\x90"}) {
    const std::string text = render(testing::hostile_document(hostile));
    EXPECT_THAT(text, Not(HasSubstr("\xFF")));
    EXPECT_THAT(text, Not(HasSubstr("\xED\xA0")));
    EXPECT_THAT(text, HasSubstr("\xEF\xBF\xBD"));
  }
}

TEST_P(EveryFormat, LetsNoQuotedTextBecomeMarkup) {
  const std::string text =
      render(testing::hostile_document("</script></style></title><img src=x onerror=alert(1)>\"'"));
  if (GetParam().name == "terminal" || GetParam().name == "json") return;  // there it means nothing
  if (GetParam().name == "markdown") {
    for (std::size_t at = text.find('<'); at != std::string::npos; at = text.find('<', at + 1)) {
      EXPECT_EQ(text[at - 1], '\\') << text.substr(at, 20);
    }
    return;
  }
  EXPECT_THAT(text, Not(HasSubstr("<img")));
  EXPECT_THAT(text, Not(HasSubstr("onerror=alert(1)>")));
}

TEST_P(EveryFormat, CopesWithTimesOutOfOrderAndHugeNumbers) {
  RunDocument document = testing::sample_document();
  document.length = Duration{-5};
  document.phases = {{"backwards", Duration{INT64_MAX / 2}, Duration{-1}}, {"open", Duration{3}, {}}};
  document.faults[0].restored = Duration{0};
  document.series = {{INT64_MAX, INT64_MAX, INT64_MIN, 0, -1.0, std::nan("")}};
  document.started_wall_ns = INT64_MIN;
  document.judged.invariants[0].counts = {{"x_ms_max", INT64_MAX}, {"y", INT64_MIN}};
  EXPECT_FALSE(render(document).empty());
}

INSTANTIATE_TEST_SUITE_P(, EveryFormat, ::testing::ValuesIn(formats().begin(), formats().end()),
                         [](const auto& one) { return std::string{one.param.name}; });

}  // namespace
}  // namespace troop::formats
