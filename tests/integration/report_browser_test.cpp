// report.html in a real browser: what the unit tests take for granted about HTML, style and script is looked at here.
// The pictures are kept in the build folder, screenshots/, to be looked at by people as well.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "reports/formats/formats.hpp"
#include "tests/support/browser.hpp"
#include "tests/support/run_documents.hpp"

namespace troop::formats {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing_support::Browser;
using testing_support::Seen;
using namespace std::chrono_literals;
namespace json = boost::json;
namespace fs = std::filesystem;

constexpr Duration page_max = 50s;
constexpr int desk = 1280;
constexpr int phone = 500;  // as narrow as a window of this browser gets

/// A failed run with two faults, anomalies in each and outside of both, and all that a history can tell.
RunDocument rich_document() {
  RunDocument document = testing::sample_document();
  FaultRecord pause = document.faults[0];
  pause.step = 2;
  pause.name = "process.pause";
  pause.target = pause.victim = "consumer-1";
  pause.victim_pid = 4250;
  pause.back_end = "SIGSTOP";
  pause.asked = pause.effective = testing::at_ms(26'000);
  pause.undo_asked = testing::at_ms(27'500);
  pause.restored = pause.steady = testing::at_ms(27'510);
  pause.proof = "pid 4250 is stopped";
  pause.restored_proof = "pid 4250 runs";
  pause.irreversible.clear();
  document.faults.push_back(pause);
  auto& anomalies = document.judged.invariants[0].anomalies;
  anomalies.push_back({"duplicated", "p2-31007", {90'100, 90'120}, {"process.pause"}});
  anomalies.push_back({"lost", "p1-9001", {60'100}, {"broker.kill", "process.pause"}});
  anomalies.push_back({"duplicated", "p1-12", {30, 44}, {}});
  document.depths.push_back({"troop.audit", std::vector<std::int64_t>(document.series.size(), 40)});
  document.excerpts.push_back({2, "evidence/broker.log", *testing::at_ms(25'000), *testing::at_ms(29'510), {}});
  document.series[17].blocked = 2;
  return document;
}

/// As `troop report` makes it of a stored run: through run.json.
std::string stored_page(const RunDocument& document) {
  auto read = from_json(to_json(document));
  EXPECT_TRUE(read) << (read ? "" : read.error().context);
  return read ? to_html(read.value()) : "";
}

class ReportInABrowser : public ::testing::Test {
 protected:
  json::object look(const std::string& page, int width, const std::string& picture) {
    std::ifstream file{TROOP_SOURCE_DIR "/tests/integration/report_probe.js"};
    const std::string probe{std::istreambuf_iterator<char>{file}, {}};
    std::string watched = page;
    const std::size_t head = watched.find("<head>");
    EXPECT_NE(head, std::string::npos);
    watched.insert(head + 6, "<script>" + probe + "</script>");

    const fs::path folder = fs::path{TROOP_BIN_DIR}.parent_path() / "screenshots";
    fs::create_directories(folder);
    const fs::path png = folder / picture;
    fs::remove(png);
    Browser browser;
    const Seen seen = browser.show(watched, width, height_, png, page_max);
    EXPECT_THAT(seen.problem, IsEmpty());
    std::error_code missing;
    EXPECT_GT(fs::file_size(png, missing), 20'000U) << png;
    RecordProperty("screenshot", png.string());
    printf("looked at in %.1f s; the picture: %s\n", std::chrono::duration<double>(seen.took).count(), png.c_str());
    EXPECT_TRUE(seen.probe.is_object()) << "the page did not load to its end";
    return seen.probe.is_object() ? seen.probe.get_object() : json::object{};
  }
  /// What no page may do, whatever it shows.
  static void expect_no_harm(const json::object& seen) {
    EXPECT_EQ(json::serialize(seen.at("errors")), "[]");
    EXPECT_EQ(json::serialize(seen.at("blocked")), "[]") << "the page asked for what its own policy forbids";
    EXPECT_EQ(json::serialize(seen.at("requests")), "[]");
    EXPECT_EQ(seen.at("alerts").to_number<int>(), 0);
    EXPECT_EQ(json::serialize(seen.at("elements")), R"({"script":4,"img":0,"iframe":0})");
    EXPECT_LE(seen.at("page").to_number<int>(), seen.at("window").to_number<int>()) << "wider than the window";
  }
  static std::string text(const json::object& seen, std::string_view section) {
    const auto* found = seen.at("text").as_object().if_contains({section.data(), section.size()});
    return found == nullptr ? "" : std::string{found->as_string()};
  }
  static void expect_charts(const json::object& seen,
                            const std::vector<std::pair<std::string, std::size_t>>& expected) {
    const auto& charts = seen.at("charts").as_object();
    EXPECT_EQ(charts.size(), expected.size());
    for (const auto& [name, lines] : expected) {
      ASSERT_TRUE(charts.contains(name)) << name;
      const auto& chart = charts.at(name).as_object();
      EXPECT_GE(chart.at("canvases").to_number<int>(), 2) << name;
      EXPECT_GE(chart.at("smallest").to_number<int>(), 100) << name;
      EXPECT_GE(chart.at("height").to_number<double>(), 110) << name;
      EXPECT_LE(chart.at("height").to_number<double>(), 300) << name;
      EXPECT_EQ(chart.at("lines").as_object().size(), lines) << name;
      for (const auto& line : chart.at("lines").as_object()) {
        EXPECT_GE(line.value().to_number<int>(), 40) << name << ": " << line.key() << " is not drawn";
      }
    }
  }
  int height_ = 6000;  ///< All of the page in one picture.
};

TEST_F(ReportInABrowser, ShowsVerdictChartsFaultsAnomaliesAndLogs) {
  const auto seen = look(stored_page(rich_document()), desk, "report.png");
  ASSERT_FALSE(seen.empty());
  expect_no_harm(seen);
  expect_charts(seen, {{"rates", 3}, {"latency", 2}, {"depth", 2}, {"connections", 2}, {"retries", 1}});
  EXPECT_THAT(text(seen, "verdict"), AllOf(HasSubstr("FAIL"), HasSubstr("2 of 5 invariants are violated")));
  EXPECT_THAT(text(seen, "faults"), AllOf(HasSubstr("broker.kill"), HasSubstr("rabbit1@localhost, pid 4242"),
                                          HasSubstr("process.pause"), HasSubstr("+20.371 s")));
  EXPECT_THAT(text(seen, "logs"),
              AllOf(HasSubstr("started TCP listener on 127.0.0.1:41023"), HasSubstr("(61 lines left out here)"),
                    HasSubstr("evidence/broker.log"), HasSubstr("The log has no line from that time.")));
  EXPECT_GT(seen.at("paper").to_number<double>(), 0.85);
  EXPECT_LT(seen.at("ink").to_number<double>(), 0.2);
  EXPECT_LT(seen.at("dark").to_number<double>(), 0.15) << "the button did not switch to dark";
  EXPECT_GT(seen.at("light").to_number<double>(), 0.85) << "nor back";
  EXPECT_LE(seen.at("height").to_number<int>(), height_) << "the picture does not show all of it";
}

TEST_F(ReportInABrowser, GroupsTheAnomaliesByFault) {
  const auto seen = look(stored_page(rich_document()), desk, "report-anomalies.png");
  ASSERT_FALSE(seen.empty());
  const auto& groups = seen.at("groups").as_array();
  ASSERT_EQ(groups.size(), 3U);
  const auto group = [&](std::size_t at) { return std::string{groups.at(at).as_string()}; };
  EXPECT_THAT(group(0), AllOf(HasSubstr("During broker.kill"), HasSubstr("step 1, 4 listed"), HasSubstr("p1-5021"),
                              HasSubstr("p1-9001"), Not(HasSubstr("p2-31007"))));
  EXPECT_THAT(group(0), HasSubstr("producer-1 publishes p1-5021 (attempt 1)")) << "the first stories are open";
  EXPECT_THAT(group(1), AllOf(HasSubstr("During process.pause"), HasSubstr("p2-31007"), Not(HasSubstr("p1-5021"))));
  EXPECT_THAT(group(1), AllOf(HasSubstr("p1-9001"), HasSubstr("told under broker.kill")));
  EXPECT_THAT(group(2), AllOf(HasSubstr("Outside any fault"), HasSubstr("p1-12"), Not(HasSubstr("p1-9001"))));
}

TEST_F(ReportInABrowser, FitsANarrowWindow) {
  height_ = 8000;
  const auto seen = look(stored_page(rich_document()), phone, "report-narrow.png");
  ASSERT_FALSE(seen.empty());
  expect_no_harm(seen);
  expect_charts(seen, {{"rates", 3}, {"latency", 2}, {"depth", 2}, {"connections", 2}, {"retries", 1}});
}

TEST_F(ReportInABrowser, ShowsAsTextWhateverARunWasCalled) {
  const std::string hostile =
      "<script>alert(1)</script></script></style><img src=x onerror=alert(2)>\" onmouseover=\"alert(3)";
  const auto seen = look(stored_page(testing::hostile_document(hostile)), desk, "report-hostile.png");
  ASSERT_FALSE(seen.empty());
  expect_no_harm(seen);
  expect_charts(seen, {{"rates", 3}, {"latency", 2}, {"depth", 1}, {"connections", 2}, {"retries", 1}});
  for (const char* section : {"verdict", "invariants", "anomalies", "faults", "logs", "problems", "scenario"}) {
    EXPECT_THAT(text(seen, section), HasSubstr("<script>alert(1)</script>")) << section;
  }
  EXPECT_THAT(text(seen, "charts"), HasSubstr("<img src=x onerror=alert(2)>")) << "a queue's name in the legend";
}

TEST_F(ReportInABrowser, ShowsARunThatHasNothingToDraw) {
  height_ = 900;
  const auto seen = look(stored_page(testing::bare_document()), desk, "report-bare.png");
  ASSERT_FALSE(seen.empty());
  expect_no_harm(seen);
  expect_charts(seen, {});
  EXPECT_THAT(text(seen, "verdict"), HasSubstr("PASS"));
  EXPECT_THAT(text(seen, "charts"), HasSubstr("there is nothing to draw"));
}

/// The charts are drawn from whatever is there: a run stored by an earlier version has fewer.
TEST_F(ReportInABrowser, DrawsWhatAnEarlierVersionStored) {
  json::object stored = json::parse(to_json(testing::sample_document())).as_object();
  for (const char* added : {"depths", "excerpts"}) stored.erase(added);
  for (const char* added : {"retries", "connections", "blocked"}) stored.at("series").as_object().erase(added);
  auto read = from_json(json::serialize(stored));
  ASSERT_TRUE(read) << read.error().context;
  const auto seen = look(to_html(read.value()), desk, "report-earlier.png");
  ASSERT_FALSE(seen.empty());
  expect_no_harm(seen);
  expect_charts(seen, {{"rates", 3}, {"latency", 2}});
  EXPECT_THAT(text(seen, "logs"), IsEmpty());
}

}  // namespace
}  // namespace troop::formats
