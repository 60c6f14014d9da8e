#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "reports/formats/formats.hpp"
#include "tests/support/run_documents.hpp"

namespace troop::formats {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::size_t widest_line(const std::string& text) {
  std::istringstream lines{text};
  std::size_t widest = 0;
  for (std::string line; std::getline(lines, line);) widest = std::max(widest, line.size());
  return widest;
}

TEST(Terminal, PutsTheVerdictFirst) {
  EXPECT_THAT(to_terminal(testing::sample_document()), StartsWith("FAIL  RabbitMQ is killed"));
  EXPECT_THAT(to_terminal(testing::bare_document()), StartsWith("PASS  bare\nThe only invariant holds."));
  EXPECT_THAT(to_terminal(RunDocument{}), StartsWith("INCONCLUSIVE\nNothing was judged."));
}

TEST(Terminal, TellsTheTimesOfRecoveryApart) {
  EXPECT_THAT(to_terminal(testing::sample_document()),
              HasSubstr("undo asked at +17.352 s, ready 3.02 s later, steady 4.19 s after that"));
  auto document = testing::sample_document();
  document.faults[0].steady.reset();
  EXPECT_THAT(to_terminal(document), HasSubstr("ready 3.02 s later, steady state not seen again"));
  document.faults[0].restored.reset();
  EXPECT_THAT(to_terminal(document), HasSubstr("undo asked at +17.352 s, never proven ready again"));
}

TEST(Terminal, IsLoudWhenSomethingWasNotRestored) {
  auto document = testing::bare_document();
  document.exit_code = 4;
  EXPECT_THAT(to_terminal(document), HasSubstr("Something was not put back as it was."));
}

TEST(Terminal, SaysHowARunEndedThatDidNotComplete) {
  auto document = testing::bare_document();
  document.ended_by = "interrupted (SIGINT)";
  EXPECT_THAT(to_terminal(document), HasSubstr("The run did not complete: interrupted (SIGINT)."));
}

TEST(Terminal, KeepsWithinTheWidth) {
  for (const std::size_t width : {40U, 72U, 100U}) {
    EXPECT_LE(widest_line(to_terminal(testing::sample_document(), {.colour = false, .width = width, .directory = ""})),
              width);
  }
  EXPECT_LE(widest_line(to_terminal(testing::sample_document(), {.colour = false, .width = 5'000, .directory = ""})),
            100U);
}

TEST(Terminal, ColoursOnlyWhenAsked) {
  EXPECT_THAT(to_terminal(testing::sample_document()), Not(HasSubstr("\x1b")));
  EXPECT_THAT(to_terminal(testing::sample_document(), {.colour = true, .width = 100, .directory = ""}),
              StartsWith("\x1b[1;31mFAIL\x1b[0m"));
}

TEST(Terminal, ObeysNothingThatIsQuoted) {
  const std::string text = to_terminal(testing::hostile_document("\x1b]0;owned\x07\x1b[2J\r"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, Not(HasSubstr("\r")));
  EXPECT_THAT(text, Not(HasSubstr("\x07")));
}

TEST(Terminal, NamesTheReportWhereItIs) {
  EXPECT_THAT(to_terminal(testing::bare_document(), {.colour = false, .width = 100, .directory = "runs/r"}),
              HasSubstr("runs/r/report.html"));
}

TEST(Terminal, ShowsNoStoryForWhatWasExpected) {
  auto document = testing::sample_document();
  document.judged.verdict = invariants::Verdict::pass;
  for (auto& judgement : document.judged.invariants) judgement.outcome = invariants::Outcome::holds;
  EXPECT_THAT(to_terminal(document), Not(HasSubstr("Anomalies")));
  EXPECT_THAT(to_html(document), HasSubstr("delivery, as expected"));
}

}  // namespace
}  // namespace troop::formats
