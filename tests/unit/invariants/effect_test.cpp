#include <gmock/gmock.h>

#include "tests/unit/invariants/story.hpp"

namespace troop::invariants {
namespace {

constexpr auto holds = Outcome::holds, unknown = Outcome::unknown, violated = Outcome::violated;

struct Case {
  const char* name;
  model::InvariantSpec spec;
  Story story;
  Outcome outcome;
  std::vector<std::pair<std::string, std::int64_t>> counts;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

class EffectTest : public testing::TestWithParam<Case> {};

TEST_P(EffectTest, counts_and_judges) {
  const auto judgement = judge_one(GetParam().story, GetParam().spec);
  EXPECT_EQ(judgement.outcome, GetParam().outcome) << testing::PrintToString(judgement.reasons);
  for (const auto& [name, value] : GetParam().counts) EXPECT_EQ(count(judgement, name), value) << name;
  EXPECT_EQ(judgement.outcome == holds, judgement.reasons.empty()) << "whatever does not hold says why, and only that";
}

const model::InvariantSpec effect{"effect", {}, {}};

INSTANTIATE_TEST_SUITE_P(
    , EffectTest,
    testing::ValuesIn(std::vector<Case>{
        {"once_each",
         effect,
         Story{}.sent("a").sent("b").deliver("a").effect("a").deliver("b").effect("b").drain(),
         holds,
         {{"effects", 2}, {"double", 0}, {"lost", 0}}},
        {"a_redelivery_without_a_second_effect",
         effect,
         Story{}.sent("a").deliver("a").effect("a").deliver("a", 1, 0, true).drain(),
         holds,
         {{"double", 0}}},
        {"twice",
         effect,
         Story{}.sent("a").deliver("a").effect("a").deliver("a", 1, 0, true).effect("a").drain(),
         violated,
         {{"effects", 2}, {"double", 1}}},
        {"once_in_each_queue_is_once_each",
         effect,
         Story{}.sent("a").deliver("a").effect("a").effect("a", "r").drain().drain("r"),
         holds,
         {{"double", 0}}},
        {"delivered_and_never_done",
         effect,
         Story{}.sent("a").sent("b").deliver("a").effect("a").deliver("b").drain(),
         violated,
         {{"lost", 1}}},
        {"a_sink_is_no_effect_and_no_loss",
         effect,
         Story{}
             .sent("a")
             .sent("b")
             .deliver("a")
             .effect("a")
             .event("x", "ok", "sink", R"("id":"b","queue":"q","value":"dead-lettered")")
             .drain(),
         holds,
         {{"lost", 0}}},
        {"not_done_yet", effect, Story{}.sent("a").sent("b").deliver("a").effect("a"), unknown, {{"lost", 0}}},
        {"no_evidence", effect, Story{}.sent("a").deliver("a").drain(), unknown, {{"effects", 0}}},
    }),
    [](const auto& c) { return std::string{c.param.name}; });

}  // namespace
}  // namespace troop::invariants
