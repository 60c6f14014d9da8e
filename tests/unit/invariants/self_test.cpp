// The checker checked: seeded random histories, as they are and with one mistake injected, against a slow obvious
// oracle.
#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>

#include "common/ids.hpp"
#include "reports/invariants/judge.hpp"
#include "tests/support/checker_oracle.hpp"

namespace troop::invariants {
namespace {

using namespace testing_support;

const std::vector<model::InvariantSpec>& specs() {
  static const std::vector<model::InvariantSpec> all{
      {"delivery", {}, {{"guarantee", std::string{"exactly-once"}}}}, {"order", {}, {}}, {"accounting", {}, {}}};
  return all;
}

struct Found {
  std::map<std::string, std::int64_t> counts;
  std::map<std::string, std::multiset<std::string>> ids;
  std::map<std::string, Outcome> outcomes;
};

Found found_by_judge(const std::string& text) {
  Found found;
  const auto judged = judge_text(text, specs());
  if (!judged) {
    ADD_FAILURE() << judged.error().context;
    return found;
  }
  for (const auto& judgement : judged.value().invariants) {
    found.outcomes[judgement.kind] = judgement.outcome;
    if (judgement.kind == "exercised") continue;
    for (const auto& [name, count] : judgement.counts) found.counts[name] = count;
    for (const auto& anomaly : judgement.anomalies) found.ids[anomaly.kind].insert(anomaly.id);
  }
  return found;
}

/// Compares everything both have an opinion on; returns false and says where, at the first difference.
bool agree(const Events& events, std::uint64_t seed, Found& found) {
  const std::string text = to_ndjson(events);
  found = found_by_judge(text);
  const Opinion opinion = oracle(events);
  for (const auto& [name, count] : opinion.counts) {
    if (found.counts[name] == count) continue;
    ADD_FAILURE() << "seed " << seed << ": " << name << " is " << found.counts[name] << ", the oracle says " << count
                  << "\n"
                  << text;
    return false;
  }
  if (found.ids != opinion.ids) {
    ADD_FAILURE() << "seed " << seed << ": the anomalies name other messages than the oracle's\n" << text;
    return false;
  }
  const bool violated = !opinion.ids.empty();
  const bool delivery_violated = found.counts["lost"] + found.counts["unexpected"] + found.counts["duplicated"] +
                                     found.counts["redelivered"] + found.counts["aborted"] >
                                 0;
  if (!violated && found.outcomes["delivery"] == Outcome::violated) {
    ADD_FAILURE() << "seed " << seed << ": a false alarm\n" << text;
    return false;
  }
  if (delivery_violated != (found.outcomes["delivery"] == Outcome::violated) ||
      (!delivery_violated && opinion.pending && found.outcomes["delivery"] != Outcome::unknown)) {
    ADD_FAILURE() << "seed " << seed << ": the outcome of delivery does not follow from its counts\n" << text;
    return false;
  }
  return true;
}

Lacks random_lacks(std::uint64_t seed) {
  Random random{seed, "lacks"};
  const auto sometimes = [&] { return random.below(3) == 0; };
  return {.run = sometimes(),
          .op = sometimes(),
          .channel = sometimes(),
          .attempt = sometimes(),
          .producer = sometimes(),
          .drain = sometimes(),
          .acks = sometimes()};
}

TEST(CheckerSelfTest, raises_no_false_alarm_over_clean_histories) {
  for (std::uint64_t seed = 1; seed <= 5000; ++seed) {
    const World world = make_history(seed);
    Found found;
    if (!agree(world.events, seed, found)) return;
    for (const char* anomaly : {"lost", "unexpected", "aborted", "inversions", "unaccounted"}) {
      ASSERT_EQ(found.counts[anomaly], 0) << "seed " << seed << ": " << anomaly << "\n" << to_ndjson(world.events);
    }
  }
}

TEST(CheckerSelfTest, agrees_with_the_oracle_where_fields_and_events_are_lacking) {
  for (std::uint64_t seed = 1; seed <= 5000; ++seed) {
    World world = make_history(seed);
    strip(world.events, random_lacks(seed));
    Found found;
    if (!agree(world.events, seed, found)) return;
  }
}

struct Injection {
  const char* name;
  Mistake mistake;
  const char* count;
  const char* anomaly;
};

void PrintTo(const Injection& c, std::ostream* out) { *out << c.name; }

class InjectedMistakeTest : public testing::TestWithParam<Injection> {};

TEST_P(InjectedMistakeTest, is_always_found_with_its_exact_id) {
  int injected = 0;
  for (std::uint64_t seed = 1; seed <= 3000; ++seed) {
    const World clean = make_history(seed);
    Events broken = clean.events;
    const std::string id = inject(broken, GetParam().mistake, seed);
    if (id.empty()) continue;
    ++injected;
    const Found before = found_by_judge(to_ndjson(clean.events));  // compared with the oracle's, of each seed, above
    Found after;
    if (!agree(broken, seed, after)) return;
    ASSERT_EQ(after.counts[GetParam().count], before.counts.at(GetParam().count) + 1)
        << "seed " << seed << " id " << id << "\n"
        << to_ndjson(broken);
    ASSERT_TRUE(after.ids[GetParam().anomaly].contains(id)) << "seed " << seed << " id " << id << "\n"
                                                            << to_ndjson(broken);
  }
  EXPECT_GT(injected, 1500) << "too few histories have a place for this mistake";
}

INSTANTIATE_TEST_SUITE_P(, InjectedMistakeTest,
                         testing::Values(Injection{"loss", Mistake::loss, "lost", "lost"},
                                         Injection{"duplicate", Mistake::duplicate, "duplicated", "duplicated"},
                                         Injection{"swap", Mistake::swap, "inversions", "inversion"},
                                         Injection{"phantom", Mistake::phantom, "unexpected", "unexpected"}),
                         [](const auto& c) { return std::string{c.param.name}; });

}  // namespace
}  // namespace troop::invariants
