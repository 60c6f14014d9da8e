#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/ids.hpp"
#include "reports/formats/formats.hpp"
#include "reports/formats/json_text.hpp"
#include "tests/support/run_documents.hpp"

namespace troop::formats {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(RunJson, ReadsBackWhatItWrote) {
  for (const auto& document : {testing::sample_document(), testing::bare_document(), RunDocument{},
                               testing::hostile_document("\"\\</script>\xE2\x82\xAC\n\x01")}) {
    const std::string text = to_json(document);
    const auto back = from_json(text);
    ASSERT_TRUE(back) << back.error().context;
    EXPECT_EQ(to_json(back.value()), text);
  }
}

TEST(RunJson, KeepsEveryFieldOfTheSample) {
  const auto before = testing::sample_document();
  const auto read = from_json(to_json(before));
  ASSERT_TRUE(read);
  const RunDocument& after = read.value();
  EXPECT_EQ(after.seed, before.seed);
  EXPECT_EQ(after.scenario_text, before.scenario_text);
  EXPECT_EQ(after.exit_code, 1);
  EXPECT_EQ(after.counts, before.counts);
  EXPECT_EQ(after.versions, before.versions);
  EXPECT_EQ(after.judged.verdict, invariants::Verdict::fail);
  ASSERT_EQ(after.faults.size(), 1U);
  EXPECT_EQ(after.faults[0].restored, before.faults[0].restored);
  EXPECT_EQ(after.faults[0].irreversible, before.faults[0].irreversible);
  ASSERT_EQ(after.series.size(), before.series.size());
  EXPECT_EQ(after.series[6].p50_ms, std::nullopt);
  EXPECT_EQ(after.series[5].p99_ms, 14.25);
  EXPECT_EQ(after.series[5].connections, 0);
  EXPECT_EQ(after.series[13].retries, 512);
  EXPECT_EQ(after.faults[0].victim_pid, 4242);
  ASSERT_EQ(after.depths.size(), 1U);
  EXPECT_EQ(after.depths[0].depth, before.depths[0].depth);
  ASSERT_EQ(after.excerpts.size(), 1U);
  EXPECT_EQ(after.excerpts[0].lines[2].level, "warning");
  ASSERT_EQ(after.stories.size(), before.stories.size());
  EXPECT_TRUE(after.stories[0].lines[0].witness);
}

TEST(RunJson, KeepsASeedOf64Bits) {
  RunDocument document;
  document.seed = UINT64_MAX;
  const auto back = from_json(to_json(document));
  ASSERT_TRUE(back);
  EXPECT_EQ(back.value().seed, UINT64_MAX);
}

TEST(RunJson, SkipsWhatALaterVersionAdded) {
  std::string text = to_json(testing::bare_document());
  text.insert(1, "\"added_later\": [1, {\"x\": null}],");
  EXPECT_TRUE(from_json(text));
}

TEST(RunJson, ReadsWhatAnEarlierVersionWrote) {
  auto stored = boost::json::parse(to_json(testing::sample_document())).as_object();
  for (const char* added : {"depths", "excerpts"}) stored.erase(added);
  for (const char* added : {"retries", "connections", "blocked"}) stored.at("series").as_object().erase(added);
  stored.at("faults").at(0).as_object().erase("victim_pid");
  const auto read = from_json(boost::json::serialize(stored));
  ASSERT_TRUE(read) << read.error().context;
  EXPECT_EQ(read.value().series.size(), testing::sample_series().size());
  EXPECT_EQ(read.value().series[0].connections, std::nullopt);
  EXPECT_EQ(read.value().faults[0].victim_pid, 0);
  EXPECT_THAT(to_html(read.value()), Not(HasSubstr("id=\"connections\"")));
}

struct Damage {
  std::string name, from, to, complaint;
};

void PrintTo(const Damage& c, std::ostream* out) { *out << c.name; }

class DamagedRunJson : public ::testing::TestWithParam<Damage> {};

TEST_P(DamagedRunJson, IsRefusedWithTheFieldsName) {
  std::string text = to_json(testing::sample_document());
  const std::size_t at = text.find(GetParam().from);
  ASSERT_NE(at, std::string::npos);
  text.replace(at, GetParam().from.size(), GetParam().to);
  const auto read = from_json(text, "dir/run.json");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind, ErrorKind::usage);
  EXPECT_THAT(read.error().context, HasSubstr(GetParam().complaint));
  EXPECT_THAT(read.error().context, ::testing::StartsWith("dir/run.json: "));
}

INSTANTIATE_TEST_SUITE_P(
    , DamagedRunJson,
    ::testing::ValuesIn(std::vector<Damage>{
        {"wrong_type", "\"seed\": 4711042193", "\"seed\": \"x\"", "scenario.seed: natural number expected"},
        {"negative_seed", "\"seed\": 4711042193", "\"seed\": -1", "scenario.seed: natural number expected"},
        {"missing_field", "\"ended_by\"", "\"ended\"", "ended_by: missing"},
        {"unknown_verdict", "\"verdict\": \"fail\"", "\"verdict\": \"ok\"", "'verdict' is not a word that we know"},
        {"later_schema", "\"schema\": 1", "\"schema\": 2", "schema 2 is not known"},
        {"no_schema", "\"schema\": 1", "\"scheme\": 1", "schema: integer expected"},
        {"fraction", "\"step\": 1", "\"step\": 1.5", "faults[0].step: integer expected"},
        {"uneven_columns", "\"second\": [7, ", "\"second\": [", "columns differ in length"},
        {"wild_story", "\"invariant\": 2", "\"invariant\": 77", "stories[1].invariant: there is no such invariant"},
        {"wild_anomaly", "\"anomaly\": 1", "\"anomaly\": -1", "there is no such anomaly"},
        {"uneven_retries", "\"retries\": [0, ", "\"retries\": [", "series.retries: the columns differ in length"},
        {"uneven_depths", "\"depth\": [4, ", "\"depth\": [", "depths[0].depth: as many numbers"},
        {"text_in_list", "\"tags\": [\"broker\"", "\"tags\": [5", "scenario.tags: list of texts expected"},
        {"not_json", "\"verdict\"", "verdict", "not JSON, from byte"},
        {"bad_utf8", "RabbitMQ", "\xFF", "not JSON"}}),
    [](const auto& one) { return one.param.name; });

TEST(RunJson, IsRefusedAtEveryCut) {
  const std::string text = to_json(testing::sample_document());
  for (std::size_t size = 0; size + 2 < text.size(); size += 7) {
    EXPECT_FALSE(from_json(std::string_view{text}.substr(0, size))) << size;
  }
  EXPECT_FALSE(from_json(text + "{}"));
  EXPECT_FALSE(from_json("[]"));
  EXPECT_FALSE(from_json(std::string(100'000, '[')));
}

TEST(RunJson, SurvivesRandomDamage) {
  const std::string text = to_json(testing::sample_document());
  Random random{7};
  int readable = 0;
  for (int round = 0; round < 3'000; ++round) {
    std::string damaged = text;
    for (std::uint64_t change = random.below(3) + 1; change > 0; --change) {
      const auto at = static_cast<std::size_t>(random.below(damaged.size()));
      if (random.below(2) == 0)
        damaged[at] = static_cast<char>(random.below(256));
      else
        damaged.erase(at, static_cast<std::size_t>(random.below(40)));
    }
    const auto read = from_json(damaged);
    if (!read) {
      EXPECT_FALSE(read.error().context.empty());
      continue;
    }
    ++readable;  // the damage hit a text or a digit: all formats must cope with what it says now
    for (const auto& format : formats()) EXPECT_FALSE(format.render(read.value(), {}).empty());
  }
  EXPECT_GT(readable, 0);
}

TEST(JsonForScript, CannotEndItsElement) {
  const std::string safe = for_script({{"x", "</script><!--&\xE2\x80\xA8"}});
  EXPECT_EQ(safe, "{\"x\":\"\\u003c/script\\u003e\\u003c!--\\u0026\\u2028\"}");
  EXPECT_EQ(boost::json::parse(safe).at("x").as_string(), "</script><!--&\xE2\x80\xA8");
}

TEST(PrettyJson, WritesNumbersAsPeopleDo) {
  EXPECT_EQ(pretty(boost::json::array{1.5, 14.25, 2000000.0, -0.001, nullptr}), "[1.5, 14.25, 2000000, -0.001, null]");
  EXPECT_THAT(pretty(boost::json::array{std::nan("")}), Not(HasSubstr("nan")));
}

}  // namespace
}  // namespace troop::formats
