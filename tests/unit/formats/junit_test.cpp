#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reports/formats/formats.hpp"
#include "tests/support/run_documents.hpp"
#include "tests/support/xml.hpp"

namespace troop::formats {
namespace {

using invariants::Outcome;
using invariants::Verdict;
using test::Element;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

/// The suite of what to_junit() writes, after a strict parser has taken it.
Element suite_of(const RunDocument& document) {
  const auto xml = test::parse_xml(to_junit(document));
  EXPECT_EQ(xml.error, "");
  EXPECT_EQ(xml.root.name, "testsuites");
  EXPECT_EQ(xml.root.all("testsuite").size(), 1U);
  return xml.root.first("testsuite");
}

/// "delivery failure", "order", … in order.
std::vector<std::string> cases_of(const RunDocument& document) {
  std::vector<std::string> cases;
  const Element suite = suite_of(document);
  for (const auto* one : suite.all("testcase")) {
    std::string text = one->attribute("name");
    for (const auto& child : one->children) text += " " + child.name;
    cases.push_back(text);
  }
  return cases;
}

bool is_green(const RunDocument& document) {
  const Element suite = suite_of(document);
  std::size_t failures = 0;
  std::size_t errors = 0;
  for (const auto* one : suite.all("testcase")) {
    failures += one->all("failure").size();
    errors += one->all("error").size();
  }
  EXPECT_EQ(suite.attribute("failures"), std::to_string(failures));
  EXPECT_EQ(suite.attribute("errors"), std::to_string(errors));
  EXPECT_EQ(suite.attribute("tests"), std::to_string(suite.all("testcase").size()));
  return failures + errors == 0;
}

TEST(JUnit, HasACaseForEachInvariantAndOneForTheRun) {
  EXPECT_THAT(cases_of(testing::sample_document()),
              ElementsAre("delivery failure", "order", "accounting failure", "recovery error", "exercised", "run"));
  EXPECT_THAT(cases_of(testing::bare_document()), ElementsAre("delivery", "run"));
}

TEST(JUnit, NamesTheSuiteAfterTheScenarioAndSaysWhatWasRun) {
  const Element suite = suite_of(testing::sample_document());
  EXPECT_EQ(suite.attribute("name"), "broker-kill-transient");
  EXPECT_EQ(suite.attribute("time"), "41.830");
  EXPECT_THAT(suite.attribute("timestamp"), ::testing::MatchesRegex("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}"));
  std::map<std::string, std::string> properties;
  for (const auto* one : suite.first("properties").all("property")) {
    properties[one->attribute("name")] = one->attribute("value");
  }
  EXPECT_EQ(properties["verdict"], "fail");
  EXPECT_EQ(properties["exit-code"], "1");
  EXPECT_EQ(properties["broker"], "rabbitmq 3.10.8");
  EXPECT_EQ(properties["troop"], "0.1.0");
  EXPECT_EQ(properties["seed"], std::to_string(testing::sample_document().seed));
  for (const auto* one : suite.all("testcase")) EXPECT_EQ(one->attribute("classname"), "broker-kill-transient");
}

TEST(JUnit, TellsInAFailureWhyAndWhatHappenedToTheFirstMessages) {
  const Element suite = suite_of(testing::sample_document());
  const Element& failure = suite.all("testcase").at(0)->first("failure");
  EXPECT_EQ(failure.attribute("message"),
            "198 confirmed messages were never delivered, though the queue was read to its end");
  EXPECT_THAT(failure.text, HasSubstr("lost p1-5021, during broker.kill\n"));
  EXPECT_THAT(failure.text, HasSubstr("+12.304 s  the broker confirms p1-5021 (attempt 1) to producer-1\n"));
  EXPECT_THAT(failure.text, HasSubstr("lost p2-5018"));
}

TEST(JUnit, CapsTheAnomaliesThatItTells) {
  auto document = testing::sample_document();
  document.judged.invariants[0].anomalies.resize(1000, {"lost", "p9-1", {}, {}});
  const Element suite = suite_of(document);
  EXPECT_THAT(suite.all("testcase").at(0)->first("failure").text, HasSubstr("995 more anomalies in the report"));
}

TEST(JUnit, GivesInvariantsOfOneKindTheirParameters) {
  auto document = testing::bare_document();
  document.judged.invariants = {{"order", Outcome::holds, {}, {}, {}, "per = key"},
                                {"order", Outcome::holds, {}, {}, {}, "per = producer"},
                                {"delivery", Outcome::holds, {}, {}, {}, "guarantee = at-least-once"},
                                {"accounting", Outcome::holds, {}, {}, {}},
                                {"accounting", Outcome::holds, {}, {}, {}}};
  EXPECT_THAT(cases_of(document), ElementsAre("order (per = key)", "order (per = producer)", "delivery", "accounting",
                                              "accounting #2", "run"));
}

struct Ending {
  std::string name;
  int exit_code;
  std::string ended_by;
  Verdict verdict;
  std::vector<Outcome> outcomes;
  std::string message;  ///< Of the run's own case; empty: it is green.
  friend void PrintTo(const Ending& ending, std::ostream* out) { *out << ending.name; }
};

class JUnitEnding : public ::testing::TestWithParam<Ending> {};

TEST_P(JUnitEnding, IsGreenOnlyForAPass) {
  const Ending& ending = GetParam();
  auto document = testing::bare_document();
  document.exit_code = ending.exit_code;
  document.ended_by = ending.ended_by;
  document.judged.verdict = ending.verdict;
  document.judged.invariants.clear();
  for (const auto outcome : ending.outcomes) document.judged.invariants.push_back({"delivery", outcome, {}, {}, {}});
  EXPECT_EQ(is_green(document), ending.exit_code == 0 && ending.message.empty());
  const Element suite = suite_of(document);
  const Element& error = suite.all("testcase").back()->first("error");
  EXPECT_EQ(error.name.empty() ? "" : error.attribute("message"), ending.message);
}

INSTANTIATE_TEST_SUITE_P(
    , JUnitEnding,
    ::testing::ValuesIn(std::vector<Ending>{
        {"pass", 0, "completed", Verdict::pass, {Outcome::holds}, ""},
        {"fail", 1, "completed", Verdict::fail, {Outcome::holds, Outcome::violated}, ""},
        {"unknown", 3, "completed", Verdict::inconclusive, {Outcome::unknown}, ""},
        {"inconclusive_though_all_hold",
         3,
         "completed",
         Verdict::inconclusive,
         {Outcome::holds},
         "Every invariant holds, but the evidence is not complete. (exit code 3)"},
        {"never_steady",
         3,
         "steady-state-not-reached",
         Verdict::inconclusive,
         {Outcome::holds},
         "The run did not complete: steady-state-not-reached."},
        {"nothing_judged", 3, "completed", Verdict::inconclusive, {}, "Nothing was judged. (exit code 3)"},
        {"not_restored", 4, "completed", Verdict::pass, {Outcome::holds}, "Something was not put back as it was."},
        {"not_restored_and_violated",
         4,
         "completed",
         Verdict::fail,
         {Outcome::violated},
         "Something was not put back as it was."},
        {"interrupted",
         130,
         "interrupted (SIGINT)",
         Verdict::pass,
         {Outcome::holds},
         "The run did not complete: interrupted (SIGINT)."},
        {"a_code_that_nothing_explains",
         3,
         "completed",
         Verdict::pass,
         {Outcome::holds},
         "The only invariant holds. (exit code 3)"},
        {"a_pass_that_its_verdict_denies",
         0,
         "completed",
         Verdict::fail,
         {Outcome::holds},
         "Every invariant holds, but the evidence is not complete. (exit code 0)"},
    }),
    [](const auto& one) { return one.param.name; });

TEST(JUnit, SaysInTheRunsCaseWhatWasNotPutBack) {
  auto document = testing::sample_document();
  document.exit_code = 4;
  document.faults[0].outcome = "not restored";
  document.faults[0].detail = "the port did not answer";
  const Element suite = suite_of(document);
  const Element& error = suite.all("testcase").back()->first("error");
  EXPECT_THAT(error.text, HasSubstr("broker.kill on broker: not restored: the port did not answer\n"));
  EXPECT_THAT(error.text, HasSubstr("consumer-2 was ended with SIGKILL"));
}

TEST(JUnit, IsWellFormedWhateverItQuotes) {
  for (const std::string hostile : {"]]></failure><x a='b'>&amp;&#0;<!--", "\x1b[31m\x01\x7f\r\n\t",
                                    "\xFF\xC3\xED\xA0\x80", "\xEF\xBF\xBE\xEF\xBF\xBF", "\"'&<>", "a\xC2\x85z"}) {
    const std::string text = to_junit(testing::hostile_document(hostile));
    EXPECT_EQ(test::parse_xml(text).error, "") << hostile;
    EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  }
  const Element suite = suite_of(testing::hostile_document("a & b < \"c\" > 'd'"));
  EXPECT_EQ(suite.attribute("name"), "a & b < \"c\" > 'd'") << "and reads back as it was";
}

TEST(JUnit, HoldsTheSummaryOfTheTerminal) {
  const Element suite = suite_of(testing::sample_document());
  EXPECT_EQ(suite.first("system-out").text, to_terminal(testing::sample_document()));
}

}  // namespace
}  // namespace troop::formats
