// Each document compared with the file in expected/, byte by byte. After a change that is meant to be:
//   TROOP_UPDATE_GOLDEN=1 ./dev test golden      and read the difference before committing it.
#include "reports/formats/formats.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "reports/formats/assets.hpp"
#include "tests/support/run_documents.hpp"

namespace troop::formats {
namespace {

/// What is embedded as it is has its own file; here only that it is there, so that a new colour changes no golden file.
std::string without_assets(std::string text) {
  for (const std::string_view asset :
       {assets::dygraphs_js, assets::dygraphs_css, assets::report_js, assets::report_css}) {
    const std::size_t at = text.find(asset);
    if (at != std::string::npos) text.replace(at, asset.size(), "(embedded)");
  }
  return text;
}

struct Golden {
  std::string file;
  std::string format;
  RunDocument document;
  Options options;
};

void PrintTo(const Golden& c, std::ostream* out) { *out << c.file; }

class GoldenReport : public ::testing::TestWithParam<Golden> {};

TEST_P(GoldenReport, IsAsExpected) {
  const Golden& golden = GetParam();
  const std::string path = std::string{TROOP_SOURCE_DIR} + "/tests/golden/expected/" + golden.file;
  const Format* format = find_format(golden.format);
  ASSERT_NE(format, nullptr);
  const std::string text = without_assets(format->render(golden.document, golden.options));
  if (std::getenv("TROOP_UPDATE_GOLDEN") != nullptr) {
    std::ofstream{path} << text;
    GTEST_SKIP() << "wrote " << path;
  }
  std::ifstream in{path};
  ASSERT_TRUE(in) << path << " is missing; TROOP_UPDATE_GOLDEN=1 writes it";
  EXPECT_EQ(text, std::string(std::istreambuf_iterator<char>{in}, {}));
}

RunDocument interrupted() {
  RunDocument document = testing::sample_document();
  document.exit_code = 4;
  document.ended_by = "interrupted (SIGINT)";
  document.judged.verdict = invariants::Verdict::inconclusive;
  document.judged.complete = false;
  for (auto& judgement : document.judged.invariants) {
    judgement = {
        judgement.kind, invariants::Outcome::unknown, judgement.counts, {}, {"the run ended early: interrupted"}};
  }
  document.stories.clear();
  document.phases.resize(4);
  document.phases[3].end.reset();
  auto& fault = document.faults[0];
  fault.restored.reset();
  fault.steady.reset();
  fault.outcome = "not restored";
  fault.detail = "the broker's port did not answer within 60 s";
  document.judged.warnings = {"the history ends without a run stop"};
  return document;
}

const Options plain{.colour = false, .width = 100, .directory = "troop-runs/sample"};
const Options narrow{.colour = true, .width = 60, .directory = "troop-runs/sample"};

INSTANTIATE_TEST_SUITE_P(, GoldenReport,
                         ::testing::ValuesIn(std::vector<Golden>{
                             {"fail.txt", "terminal", testing::sample_document(), plain},
                             {"fail-narrow-colour.txt", "terminal", testing::sample_document(), narrow},
                             {"pass.txt", "terminal", testing::bare_document(), plain},
                             {"interrupted.txt", "terminal", interrupted(), plain},
                             {"fail.json", "json", testing::sample_document(), plain},
                             {"pass.json", "json", testing::bare_document(), plain},
                             {"fail.html", "html", testing::sample_document(), plain},
                             {"pass.html", "html", testing::bare_document(), plain},
                             {"interrupted.html", "html", interrupted(), plain},
                             {"fail.xml", "junit", testing::sample_document(), plain},
                             {"pass.xml", "junit", testing::bare_document(), plain},
                             {"interrupted.xml", "junit", interrupted(), plain},
                             {"fail.md", "markdown", testing::sample_document(), plain},
                             {"pass.md", "markdown", testing::bare_document(), plain},
                             {"interrupted.md", "markdown", interrupted(), plain},
                         }),
                         [](const auto& one) {
                           std::string name = one.param.file;
                           for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
                           return name;
                         });

}  // namespace
}  // namespace troop::formats
