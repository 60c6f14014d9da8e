#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <regex>

#include "reports/formats/assets.hpp"
#include "reports/formats/formats.hpp"
#include "reports/formats/html_sections.hpp"
#include "tests/support/run_documents.hpp"

namespace troop::formats {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Html, AsksTheNetworkForNothing) {
  std::string page = to_html(testing::sample_document());
  EXPECT_THAT(page, HasSubstr("Content-Security-Policy\" content=\"default-src 'none'"));
  const std::size_t library = page.find(assets::dygraphs_js);
  ASSERT_NE(library, std::string::npos);
  page.erase(library, assets::dygraphs_js.size());
  for (const std::string fetch :
       {"http://", "https://", "src=", "@import", "url(", "fetch(", "XMLHttpRequest", "<iframe"}) {
    EXPECT_THAT(page, Not(HasSubstr(fetch)));
  }
  EXPECT_THAT(assets::dygraphs_js, Not(HasSubstr("sourceMappingURL")));
  EXPECT_THAT(assets::dygraphs_css, Not(HasSubstr("sourceMappingURL")));
  EXPECT_THAT(assets::dygraphs_css, Not(HasSubstr("url(")));
}

TEST(Html, ShowsFiguresInWordsAndUnits) {
  RunDocument document = testing::sample_document();
  document.counts = {{"confirmed", 39'998}, {"caller_wait_ms_max", 1500}};
  const std::string page = to_html(document);
  EXPECT_THAT(page, HasSubstr("<dt>confirmed</dt><dd>39,998</dd>"));
  EXPECT_THAT(page, HasSubstr("<dt>longest caller wait</dt><dd>1.50 s</dd>"));
}

TEST(Html, CarriesTheLicenceOfWhatItEmbeds) {
  EXPECT_THAT(to_html(testing::bare_document()), HasSubstr("Permission is hereby granted, free of charge"));
  EXPECT_THAT(assets::dygraphs_licence, Not(HasSubstr("--"))) << "it stands in a comment";
}

TEST(Html, NamesEveryHeadingAndColumn) {
  const std::string page = to_html(testing::sample_document());
  const auto count = [&](const std::string& part) {
    std::size_t found = 0;
    for (std::size_t at = page.find(part); at != std::string::npos; at = page.find(part, at + 1)) ++found;
    return found;
  };
  EXPECT_EQ(count("<h1>"), 1U);
  EXPECT_EQ(count("<main"), 1U);
  EXPECT_EQ(count("<section"), 9U);
  EXPECT_EQ(count("<section"), count("</section>"));
  EXPECT_EQ(count("<table"), count("<thead>"));
  EXPECT_THAT(page, Not(HasSubstr("<th>"))) << "each header says whether it heads a row or a column";
}

TEST(Html, LeavesOutSectionsThatHaveNothingToSay) {
  const std::string page = to_html(testing::bare_document());
  for (const std::string section :
       {"id=\"anomalies\"", "id=\"faults\"", "id=\"logs\"", "id=\"problems\"", "id=\"scenario\"", "id=\"timeline\""}) {
    EXPECT_THAT(page, Not(HasSubstr(section)));
  }
  EXPECT_THAT(page, HasSubstr("there is nothing to draw"));
}

TEST(Html, GroupsAnomaliesByFaultAndTellsEachOnce) {
  auto document = testing::bare_document();
  document.faults.resize(3);
  for (std::size_t at = 0; at < 3; ++at) {
    document.faults[at].step = static_cast<std::int64_t>(at) + 1;
    document.faults[at].name = at == 1 ? "purge" : at == 2 ? "pause" : "kill";
  }
  document.judged.invariants[0].anomalies = {
      {"lost", "m-kill", {}, {"kill"}}, {"lost", "m-both", {}, {"kill", "pause"}}, {"lost", "m-none", {}, {}}};
  const std::string all = html::anomalies(document);
  const std::size_t kill = all.find("During <code>kill</code> <span class=\"hint\">step 1, 2 listed");
  const std::size_t pause = all.find("During <code>pause</code> <span class=\"hint\">step 3, 1 listed");
  const std::size_t none = all.find("Outside any fault <span class=\"hint\">1 listed");
  ASSERT_LT(kill, pause);
  ASSERT_LT(pause, none);
  ASSERT_NE(none, std::string::npos);
  EXPECT_THAT(all.substr(kill, pause - kill), HasSubstr("also during pause"));
  EXPECT_THAT(all.substr(pause, none - pause),
              HasSubstr("m-both</code> <span class=\"hint\">delivery, as expected, also during kill; told under kill"));
  EXPECT_THAT(all.substr(none), HasSubstr("m-none"));
  EXPECT_THAT(all, HasSubstr("None listed during purge."));
}

TEST(Html, FoldsLongListsOfAnomalies) {
  auto document = testing::bare_document();
  for (int n = 0; n < 200; ++n) {
    document.judged.invariants[0].anomalies.push_back({"lost", "m" + std::to_string(n), {}, {"kill"}});
  }
  const std::string all = html::anomalies(document);
  EXPECT_THAT(all, HasSubstr("<details class=\"more\"><summary>192 more</summary>"));
  EXPECT_LT(all.find("<code>m7<"), all.find("192 more"));
  EXPECT_GT(all.find("<code>m8<"), all.find("192 more"));
}

TEST(Html, ClosesEveryElement) {
  const std::string page = to_html(testing::sample_document());
  const std::string body = page.substr(page.find("<body>"), page.find("<script") - page.find("<body>"));
  std::vector<std::string> open;
  const std::regex tag{"<(/?)([a-z0-9]+)[^>]*>"};
  for (auto it = std::sregex_iterator{body.begin(), body.end(), tag}; it != std::sregex_iterator{}; ++it) {
    if ((*it)[1].length() == 0) {
      open.push_back((*it)[2]);
    } else {
      ASSERT_FALSE(open.empty());
      ASSERT_EQ(open.back(), (*it)[2]) << it->position();
      open.pop_back();
    }
  }
  EXPECT_THAT(open, ::testing::ElementsAre("body"));
}

TEST(Html, DrawsTheWindowOfEachFault) {
  auto data = boost::json::parse(html::chart_data(testing::sample_document()));
  const auto& window = data.at("windows").at(0);
  EXPECT_EQ(window.at("name").as_string(), "broker.kill");
  EXPECT_NEAR(window.at("start").to_number<double>(), 12.351, 1e-9);
  EXPECT_NEAR(window.at("undo").to_number<double>(), 17.352, 1e-9);
  EXPECT_NEAR(window.at("end").to_number<double>(), 20.371, 1e-9);
  EXPECT_EQ(data.at("rates").as_array().size(), testing::sample_series().size());
  EXPECT_TRUE(data.at("latency").at(6).at(1).is_null());
}

TEST(Html, ExtendsAFaultThatNeverEndedToTheEndOfTheRun) {
  auto document = testing::sample_document();
  document.faults[0].undo_asked.reset();
  document.faults[0].restored.reset();
  document.faults[0].steady.reset();
  const auto data = boost::json::parse(html::chart_data(document));
  EXPECT_NEAR(data.at("windows").at(0).at("end").to_number<double>(), 41.83, 1e-9);
  EXPECT_THAT(to_html(document), HasSubstr("never"));
}

TEST(Html, EscapesForTextAndAttributes) {
  EXPECT_EQ(html::escaped("<a href=\"x\">&'"), "&lt;a href=&quot;x&quot;&gt;&amp;&#39;");
  EXPECT_EQ(html::escaped(std::string{"a\0b\x1b\n", 5}),
            "a\xEF\xBF\xBD"
            "b\xEF\xBF\xBD\n");
}

}  // namespace
}  // namespace troop::formats
