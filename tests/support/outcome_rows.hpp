// The table of outcomes: what RabbitMQ may do to messages in each row of tests/scenarios/outcomes.txt, and what it did
// in the scenarios that play it. Each run leaves a file in the folder `outcomes` beside the programs' folder; `./dev
// test` prints them together.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/support/troop_run.hpp"

namespace troop::test {

enum class Seen { never, always, maybe };

/// Something else that is counted in a run.
struct Measure {
  const char* what;
  Seen expected;
  std::int64_t (*count)(const World& world, const boost::json::value& judged);
};

/// What a scenario is expected to do to messages.
struct Outcome {
  std::vector<int> rows;  ///< Of the table, by number.
  Seen lost = Seen::never;
  Seen duplicated = Seen::never;   ///< Without the flag.
  Seen redelivered = Seen::never;  ///< With the flag.
  Seen reordered = Seen::never;    ///< First deliveries of first attempts.
  Seen vanished = Seen::never;     ///< Never confirmed, never seen.
  const char* sink = nullptr;  ///< Where messages end that are not delivered, by the name that accounting has for it.
  std::vector<Measure> more = {};
};

/// All that can be judged of the world's run, whatever its scenario claims.
inline boost::json::value judge_all(World& world) {
  TroopCommand verify{world,
                      {"verify", (world.run_directory() / "history.ndjson").string(), "--invariants",
                       std::string{TROOP_SOURCE_DIR "/tests/scenarios/all-invariants.toml"}, "--format", "json"}};
  const int code = verify.exit_code(std::chrono::seconds{60});
  EXPECT_TRUE(code == 0 || code == 1 || code == 3) << verify.errors();
  boost::json::error_code failure;
  return boost::json::parse(verify.output(), failure);
}

/// 0 where nothing of the kind was counted.
inline std::int64_t count_or_0(const boost::json::value& judged, std::string_view kind, std::string_view name) {
  const auto* value = judgement(judged, kind).at("counts").as_object().if_contains(name);
  return value == nullptr ? 0 : value->as_int64();
}

/// Compares what `scenario` did with what was expected, and adds its line to the table.
inline void expect_outcome(World& world, const std::string& scenario, const Outcome& expected) {
  const auto judged = judge_all(world);
  ASSERT_TRUE(judged.is_object()) << scenario;
  bool met = true;
  std::string line;
  const auto compare = [&](std::string_view what, Seen wanted, std::int64_t found) {
    const char* word = wanted == Seen::never ? "no" : wanted == Seen::always ? "yes" : "maybe";
    const bool as_expected = wanted == Seen::maybe || (wanted == Seen::always) == (found > 0);
    EXPECT_TRUE(as_expected) << scenario << ": " << what << ", expected: " << word << ", found: " << found;
    met = met && as_expected;
    line += fmt::format("{}{} {}: {}", line.empty() ? "" : ", ", what, word, found);
  };
  compare("lost", expected.lost, count_or_0(judged, "delivery", "lost"));
  compare("vanished", expected.vanished, count_or_0(judged, "delivery", "vanished"));
  compare("duplicated", expected.duplicated, count_or_0(judged, "delivery", "duplicated"));
  compare("redelivered", expected.redelivered, count_or_0(judged, "delivery", "redelivered"));
  compare("reordered", expected.reordered, count_or_0(judged, "order", "inversions"));
  if (expected.sink != nullptr) {
    compare(expected.sink, Seen::always, count_or_0(judged, "accounting", expected.sink));
  }
  for (const auto& [what, wanted, count] : expected.more) compare(what, wanted, count(world, judged));
  compare("unexpected", Seen::never, count_or_0(judged, "delivery", "unexpected"));
  compare("aborted", Seen::never, count_or_0(judged, "delivery", "aborted"));

  const fs::path folder = fs::path{TROOP_BIN_DIR}.parent_path() / "outcomes";
  fs::create_directories(folder);
  std::string name = scenario;
  std::ranges::replace(name, '/', '.');
  const fs::path unfinished = folder / (name + ".part");
  {
    std::ofstream file{unfinished};
    const bool passed = met && !testing::Test::HasFailure();
    for (const int row : expected.rows) {
      file << fmt::format("{} | {} | {} | {}\n", row, scenario, line, passed ? "pass" : "FAIL");
    }
    EXPECT_TRUE(file.flush().good());
  }
  fs::rename(unfinished, folder / (name + ".txt"));
}

}  // namespace troop::test
