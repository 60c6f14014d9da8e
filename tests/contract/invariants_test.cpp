// What every invariant owes, over the whole table.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "common/ids.hpp"
#include "reports/invariants/catalogue.hpp"
#include "reports/invariants/judge.hpp"
#include "tests/support/checker_histories.hpp"

namespace troop::model {

void PrintTo(const InvariantEntry& entry, std::ostream* out) { *out << entry.kind; }

}  // namespace troop::model

namespace troop::invariants {
namespace {

/// A spec that gives every required parameter a value of its type.
model::InvariantSpec example(const model::InvariantEntry& entry) {
  model::InvariantSpec spec{std::string{entry.kind}, {}, {}};
  for (const auto& parameter : entry.parameters) {
    if (!parameter.required) continue;
    switch (parameter.type) {
      case model::ParameterType::choice:
        spec.parameters.emplace(parameter.name, std::string{parameter.choices.at(0)});
        break;
      case model::ParameterType::duration:
        spec.parameters.emplace(parameter.name, Duration{std::chrono::seconds{10}});
        break;
      case model::ParameterType::integer:
        spec.parameters.emplace(parameter.name, std::int64_t{1});
        break;
      default:
        ADD_FAILURE() << "no example for " << parameter.name;
    }
  }
  return spec;
}

class EveryInvariant : public testing::TestWithParam<model::InvariantEntry> {
 protected:
  [[nodiscard]] Judgement judgement(const std::string& text) const {
    const auto judged = judge_text(text, std::vector{example(GetParam())});
    EXPECT_TRUE(judged) << judged.error().context;
    return judged ? judged.value().invariants.at(0) : Judgement{};
  }
};

TEST(InvariantTable, is_not_empty_and_names_nothing_twice) {
  ASSERT_GE(catalogue().size(), 5U);
  std::set<std::string_view> names;
  for (const auto& entry : catalogue()) EXPECT_TRUE(names.insert(entry.kind).second) << entry.kind;
}

TEST_P(EveryInvariant, says_what_it_is_and_what_it_takes) {
  EXPECT_FALSE(GetParam().summary.empty());
  for (const auto& parameter : GetParam().parameters) {
    EXPECT_FALSE(parameter.what.empty()) << parameter.name;
    EXPECT_TRUE(parameter.required || !parameter.fallback.empty()) << parameter.name << " needs a default";
  }
}

TEST_P(EveryInvariant, never_passes_an_empty_history) { EXPECT_EQ(judgement("").outcome, Outcome::unknown); }

TEST_P(EveryInvariant, never_holds_over_a_history_that_tested_nothing) {
  const auto found = judgement(R"({"index":0,"type":"info","f":"log"})"
                               "\n");
  EXPECT_EQ(found.outcome, Outcome::unknown);
  EXPECT_FALSE(found.reasons.empty()) << "and says why";
}

TEST_P(EveryInvariant, never_holds_over_a_history_that_was_cut_short) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    auto events = testing_support::make_history(seed).events;
    events.pop_back();
    EXPECT_NE(judgement(testing_support::to_ndjson(events)).outcome, Outcome::holds) << seed;
  }
}

TEST_P(EveryInvariant, gives_the_same_answer_to_the_same_evidence) {
  const auto text = testing_support::to_ndjson(testing_support::make_history(7).events);
  const auto once = judge_text(text, std::vector{example(GetParam())});
  const auto again = judge_text(text, std::vector{example(GetParam())});
  EXPECT_EQ(to_json(once.value()), to_json(again.value()));
}

TEST_P(EveryInvariant, counts_in_the_same_order_whatever_it_finds) {
  const auto names = [](const Judgement& found) {
    std::vector<std::string> list;
    for (const auto& [name, value] : found.counts) list.push_back(name);
    return list;
  };
  const auto full = judgement(testing_support::to_ndjson(testing_support::make_history(7).events));
  EXPECT_EQ(names(judgement("")), names(full));
  EXPECT_FALSE(full.counts.empty());
}

TEST_P(EveryInvariant, takes_events_that_lack_every_field_without_failing) {
  std::string text;
  int index = 0;
  for (const char* f :
       {"run", "connection", "publish", "deliver", "ack", "nack", "reject", "sink", "drain", "fault", "probe", "x"}) {
    for (const char* type : {"invoke", "ok", "fail", "info"}) {
      text += fmt::format(R"({{"index":{},"type":"{}","f":"{}"}})"
                          "\n",
                          index++, type, f);
      text += fmt::format(R"({{"index":{},"type":"{}","f":"{}","phase":"start","tag":0,"multiple":true}})"
                          "\n",
                          index++, type, f);
      text += fmt::format(R"({{"index":{},"type":"{}","f":"{}","phase":"stop","id":"a","tag":1}})"
                          "\n",
                          index++, type, f);
    }
  }
  EXPECT_NE(judgement(text).outcome, Outcome::holds);
}

TEST_P(EveryInvariant, knows_the_anomalies_it_lists) {
  for (const auto anomaly : GetParam().anomalies) {
    auto spec = example(GetParam());
    spec.expect = {std::string{anomaly}};
    EXPECT_TRUE(judge_text("", std::vector{spec})) << anomaly;
  }
  auto spec = example(GetParam());
  spec.expect = {"no-such-anomaly"};
  EXPECT_FALSE(judge_text("", std::vector{spec}));
}

INSTANTIATE_TEST_SUITE_P(, EveryInvariant, testing::ValuesIn(catalogue()),
                         [](const auto& c) { return std::string{c.param.kind}; });

}  // namespace
}  // namespace troop::invariants
