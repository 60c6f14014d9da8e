// The lists that name the library's scenarios name them all: a scenario that nobody can find, or that no test runs,
// proves nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>
#include <sstream>

#include "tests/support/troop_run.hpp"

namespace troop::test {
namespace {

/// "broker/stop" and the like.
std::set<std::string> library() {
  const fs::path root{TROOP_SOURCE_DIR "/scenarios/library"};
  std::set<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator{root}) {
    if (entry.path().extension() != ".toml") continue;
    names.insert(fs::relative(entry.path(), root).replace_extension().generic_string());
  }
  return names;
}

std::set<std::string> matches(const std::string& text, const std::string& pattern) {
  const std::regex regex{pattern};
  std::set<std::string> found;
  for (std::sregex_iterator match{text.begin(), text.end(), regex}, end; match != end; ++match)
    found.insert((*match)[1]);
  return found;
}

TEST(LibraryListsTest, TheReadmeTellsOfEveryScenarioAndOfNoOther) {
  const std::string readme = slurp(TROOP_SOURCE_DIR "/scenarios/README.md");
  EXPECT_EQ(matches(readme, R"(\| `((?:broker|cluster|loss-points|network|process|resource)/[a-z-]+)` \| [0-9]+ s)"),
            library());
  for (const auto& name : matches(readme, R"(`((?:broker|cluster|loss-points|network|process|resource)/[a-z-]+)`)")) {
    EXPECT_TRUE(library().contains(name) || name.ends_with("/")) << name;
  }
}

TEST(LibraryListsTest, EveryScenarioIsRunByATest) {
  const std::string folder = TROOP_SOURCE_DIR "/tests/scenarios/";
  const std::string whole = slurp(folder + "library_test.cpp") + slurp(folder + "broker_faults_test.cpp");
  auto run = matches(whole, R"re("((?:broker|resource)/[a-z-]+)")re");
  run.merge(matches(slurp(folder + "network_test.cpp"), R"re("(network/[a-z-]+)")re"));
  run.merge(matches(slurp(folder + "cluster/cluster_test.cpp"), R"re("(cluster/[a-z-]+)")re"));
  run.merge(matches(slurp(folder + "host_test.cpp"), R"re("((?:process|resource)/[a-z-]+)")re"));
  const std::string points = slurp(folder + "loss_points_test.cpp");
  for (const auto& name : matches(points, R"re(\{"([a-z-]+)",\s*\{\.rows)re")) run.insert("loss-points/" + name);
  for (const auto& name : matches(points, R"re("(loss-points/[a-z-]+)")re")) run.insert(name);
  EXPECT_EQ(run, library());
}

/// "12 | configuration and fault | lost | duplicated | reordered | why not".
TEST(LibraryListsTest, TheTableOfOutcomesIsNumberedAndWhole) {
  std::istringstream table{slurp(TROOP_SOURCE_DIR "/tests/scenarios/outcomes.txt")};
  int rows = 0;
  for (std::string line; std::getline(table, line);) {
    if (line.starts_with("#")) continue;
    EXPECT_EQ(std::stoi(line), ++rows) << line;
    EXPECT_EQ(std::ranges::count(line, '|'), 5) << line;
  }
  EXPECT_EQ(rows, 25);
}

}  // namespace
}  // namespace troop::test
