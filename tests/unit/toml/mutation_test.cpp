// Random damage to a right file: the reader never crashes and never says nothing.
#include <gtest/gtest.h>

#include <array>

#include "common/ids.hpp"
#include "tests/unit/toml/support.hpp"

namespace troop::scenarios::test {
namespace {

std::string damaged(std::string text, Random& random) {
  static constexpr std::string_view pieces[] = {
      "[",         "]",         "\"",    "=",   "\n",   "[[step]]\n", "{",      "}",       ".",    "#",
      ",",         "-1",        "9e999", "nan", "true", "'''",        "\"\"\"", "\\u0000", "\x80", "[[invariant]]\n",
      "a.b.c=1\n", "1979-05-27"};
  const auto pick = [&](std::size_t bound) { return static_cast<std::size_t>(random.below(bound)); };
  for (std::size_t i = 0, n = 1 + pick(4); i < n && !text.empty(); ++i) {
    const std::size_t at = pick(text.size());
    switch (pick(5)) {
      case 0:
        text[at] = static_cast<char>(pick(256));
        break;
      case 1:
        text.erase(at, 1 + pick(20));
        break;
      case 2:
        text.insert(at, pieces[pick(std::size(pieces))]);
        break;
      case 3:
        text.insert(at, text.substr(pick(text.size()), pick(60)));
        break;
      default:
        text.resize(at);
        break;
    }
  }
  return text;
}

TEST(Mutations, give_a_scenario_or_at_least_one_problem) {
  const std::string original = content(TROOP_SOURCE_DIR "/scenarios/library/broker/stop.toml");
  const auto known = catalogue();
  const Folder folder;
  int valid = 0, broken = 0;
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    Random random{seed, "mutations"};
    const auto reading = read_scenario(folder.write("m.toml", damaged(original, random)), known);
    ASSERT_NE(reading.scenario.has_value(), !reading.problems.empty()) << "seed " << seed;
    for (const auto& problem : reading.problems) ASSERT_FALSE(problem.message.empty()) << "seed " << seed;
    ++(reading.scenario ? valid : broken);
  }
  EXPECT_GT(valid, 50) << "damage within comments and texts does no harm";
  EXPECT_GT(broken, 1000);
}

TEST(Mutations, of_overrides_give_a_scenario_or_at_least_one_problem) {
  static constexpr std::array paths{"name",
                                    "workload",
                                    "step",
                                    "step.0",
                                    "step.0.at",
                                    "step.0.x",
                                    "invariant.9.kind",
                                    "system.broker.port",
                                    "workload.publish.retry",
                                    "tags.0",
                                    "a.b.c",
                                    "0",
                                    "steady_state.0.tolerance"};
  static constexpr std::array values{"1",  "-1",    "{}",  "[]",     "[[]]", "5s", "",
                                     "\"", "{a=1}", "nan", "1\nb=2", "true", "''", "[1,{}]"};
  const auto known = catalogue();
  for (const auto* path : paths) {
    for (const auto* value : values) {
      const std::vector<Override> overrides{{path, value}};
      const auto reading = read_scenario(TROOP_SOURCE_DIR "/scenarios/library/broker/stop.toml", known, overrides);
      ASSERT_NE(reading.scenario.has_value(), !reading.problems.empty()) << path << "=" << value;
    }
  }
}

}  // namespace
}  // namespace troop::scenarios::test
