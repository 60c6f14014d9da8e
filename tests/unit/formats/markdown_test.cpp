#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "reports/formats/formats.hpp"
#include "tests/support/run_documents.hpp"

namespace troop::formats {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST(Markdown, PutsTheVerdictFirst) {
  EXPECT_THAT(to_markdown(testing::sample_document()),
              StartsWith("## FAIL: RabbitMQ is killed while it holds transient messages\n"));
  EXPECT_THAT(to_markdown(testing::bare_document()), StartsWith("## PASS: bare\n\nThe only invariant holds.\n"));
}

TEST(Markdown, IsLoudWhenSomethingWasNotRestoredOrTheRunEndedEarly) {
  auto document = testing::bare_document();
  document.exit_code = 4;
  document.ended_by = "agent-lost";
  const std::string text = to_markdown(document);
  EXPECT_THAT(text, HasSubstr("**Something was not put back as it was."));
  EXPECT_THAT(text, HasSubstr("**The run did not complete: agent-lost.**"));
}

TEST(Markdown, SaysWhereTheFullReportIs) {
  EXPECT_THAT(to_markdown(testing::bare_document(), {.colour = false, .width = 100, .directory = "out/run-1"}),
              HasSubstr("report.html in the run directory out/run-1."));
  EXPECT_THAT(to_markdown(testing::bare_document()), HasSubstr("report.html in the run directory r."));
  for (const char* absolute : {"/home/ci/build/run-7", "/home/ci/build/run-7/"}) {  // means nothing to its readers
    EXPECT_THAT(to_markdown(testing::bare_document(), {.colour = false, .width = 100, .directory = absolute}),
                HasSubstr("report.html in the run directory run-7."));
  }
}

TEST(Markdown, TellsTheFirstAnomaliesOnly) {
  auto document = testing::sample_document();
  document.judged.invariants[0].anomalies.resize(500, {"lost", "p9-1", {}, {}});
  const std::string text = to_markdown(document);
  EXPECT_THAT(text, HasSubstr("  - `+12.304 s` the broker confirms p1-5021 (attempt 1) to producer-1\n"));
  EXPECT_THAT(text, HasSubstr("… and 498 more in the report"));
}

struct Quoted {
  std::string name, text, shown;
  friend void PrintTo(const Quoted& quoted, std::ostream* out) { *out << quoted.name; }
};

class MarkdownQuotes : public ::testing::TestWithParam<Quoted> {};

TEST_P(MarkdownQuotes, AsTextOnly) {
  auto document = testing::bare_document();
  document.problems = {GetParam().text};
  EXPECT_THAT(to_markdown(document), HasSubstr("\nProblems:\n\n- " + GetParam().shown + "\n\n"));
}

INSTANTIATE_TEST_SUITE_P(, MarkdownQuotes,
                         ::testing::ValuesIn(std::vector<Quoted>{
                             {"words", "consumer-2 was ended, 5 s late.", "consumer-2 was ended, 5 s late."},
                             {"a_cell", "a|b", "a\\|b"},
                             {"code", "`rm`", "\\`rm\\`"},
                             {"a_tag", "<img src=x>&lt;", "\\<img src=x\\>\\&lt;"},
                             {"emphasis", "**x** _y_ ~~z~~", "\\*\\*x\\*\\* \\_y\\_ \\~\\~z\\~\\~"},
                             {"a_link", "![a](b)", "\\!\\[a\\](b)"},
                             {"a_bare_link", "see http://x.y and www.z.a", "see http:\\//x.y and www\\.z.a"},
                             {"a_name", "@team", "@\xE2\x80\x8Bteam"},
                             {"a_reference", "x#12",
                              "x#\xE2\x80\x8B"
                              "12"},
                             {"a_heading", "# x", "\\#\xE2\x80\x8B x"},
                             {"a_list", "  - x", "\\- x"},
                             {"a_numbered_list", "12. x", "12\\. x"},
                             {"a_number", "12.5 s", "12.5 s"},
                             {"a_formula", "$x$", "\\$x\\$"},
                             {"a_backslash", "a\\|", "a\\\\\\|"},
                             {"lines", "a\nb\r\n# c", "a b\\\\x0d #\xE2\x80\x8B c"},
                         }),
                         [](const auto& one) { return one.param.name; });

TEST(Markdown, IsShortWhateverHappened) {
  const std::string much(10'000, '@');
  auto document = testing::hostile_document(much);
  document.judged.invariants.resize(100, document.judged.invariants[0]);
  document.judged.invariants[0].anomalies.resize(200, {much, much, {}, {much}});
  document.judged.invariants[0].reasons.resize(200, much);
  document.faults.resize(200, document.faults[0]);
  document.problems.resize(200, much);
  document.stories[0].lines.resize(200, document.stories[0].lines[0]);
  document.overrides.resize(200, much);
  const std::string text = to_markdown(document, {.colour = false, .width = 100, .directory = much});
  EXPECT_LT(text.size(), 65'536U);
  EXPECT_THAT(text, HasSubstr("… the rest is in the report\n"));
  EXPECT_THAT(text, HasSubstr("The full report is report.html"));
}

TEST(Markdown, KeepsTablesInShapeWhateverTheyHold) {
  const std::string text = to_markdown(testing::hostile_document("a|b\n|c\\"));
  std::size_t from = 0;
  int rows = 0;
  for (std::size_t end = 0; (end = text.find('\n', from)) != std::string::npos; from = end + 1) {
    const std::string line = text.substr(from, end - from);
    if (!line.starts_with("|")) continue;
    ++rows;
    int cells = 0;
    for (std::size_t at = 0; at < line.size(); ++at) {
      if (line[at] == '\\')
        ++at;
      else if (line[at] == '|')
        ++cells;
    }
    EXPECT_TRUE(cells == 4 || cells == 6) << line;
  }
  EXPECT_EQ(rows, 10);
}

}  // namespace
}  // namespace troop::formats
