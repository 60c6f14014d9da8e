// The library's scenarios on several hosts: the network between producers, consumers and broker is really cut, and what
// becomes of the messages stands beside what was expected.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>

#include "tests/support/outcome_rows.hpp"
#include "tests/support/troop_test.hpp"

namespace troop::test {
namespace {

constexpr Duration run_max = 150s;
constexpr Seen always = Seen::always, maybe = Seen::maybe;

struct Case {
  const char* name;
  const char* scenario;
  Outcome outcome;
  double slower_s = 0;  ///< By so much each publish takes longer while the fault is in force; 0: not asked.
  friend void PrintTo(const Case& c, std::ostream* out) { *out << c.scenario; }
};

class NetworkTest : public TroopTest<testing::TestWithParam<Case>> {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "hosts are network namespaces, which need root";
  }
  /// As the probe saw it: most windows of the fault were that much slower than the quickest without it, and not twice.
  void expect_slower(double by_s) {
    std::istringstream lines{slurp(world_.run_directory() / "history.ndjson")};
    std::vector<double> medians;
    for (std::string line; std::getline(lines, line);) {
      if (line.find(R"("f":"probe","name":"amqp.publish")") == std::string::npos) continue;
      const auto event = boost::json::parse(line).as_object();
      medians.push_back(event.at("value").at("p50").to_number<double>());
    }
    ASSERT_FALSE(medians.empty());
    std::ranges::sort(medians);
    const double usual = medians.front();
    EXPECT_LT(usual, by_s / 2);
    const auto slow = std::ranges::count_if(medians, [&](double each) { return each >= usual + by_s * 0.95; });
    EXPECT_GE(slow, 4) << "of six windows";
    EXPECT_LT(medians.back(), usual + 2 * by_s);
  }
};

TEST_P(NetworkTest, IsProvenUndoneAndDoesToMessagesWhatIsExpected) {
  TroopCommand troop{world_, run_arguments(GetParam().scenario)};
  ASSERT_EQ(troop.exit_code(run_max), 0) << everything(troop);
  const auto document = run_json(world_);
  const auto& fault = document.at("faults").at(0).as_object();
  EXPECT_EQ(fault.at("outcome").as_string(), "proven");
  EXPECT_TRUE(fault.at("restored_ns").is_int64()) << boost::json::serialize(fault);
  EXPECT_GT(count_of(document, "delivery", "confirmed"), 1000);
  EXPECT_EQ(judgement(document, "exercised").at("outcome").as_string(), "holds");
  expect_outcome(world_, GetParam().scenario, GetParam().outcome);
  if (GetParam().slower_s > 0) expect_slower(GetParam().slower_s);
  expect_nothing_left();
}

INSTANTIATE_TEST_SUITE_P(
    Library, NetworkTest,
    testing::ValuesIn(std::vector<Case>{
        {"partition_producers", "network/partition-producers", {.rows = {2}, .duplicated = maybe}},
        {"partition_consumers", "network/partition-consumers", {.rows = {25}, .redelivered = maybe}},
        {"partition_broker", "network/partition-broker", {.rows = {2}, .duplicated = maybe, .redelivered = maybe}},
        {"lost_confirms", "network/lost-confirms", {.rows = {3}, .duplicated = always}},
        {"refused", "network/refused", {.rows = {2}, .duplicated = maybe}},
        {"lossy_link", "network/lossy-link", {.rows = {25}}},
        {"bursty_link", "network/bursty-link", {.rows = {25}, .duplicated = maybe}},
        {"messy_link", "network/messy-link", {.rows = {25}}},
        {"thin_link", "network/thin-link", {.rows = {25}, .duplicated = maybe}},
        {"broken_connections", "network/broken-connections", {.rows = {2}, .duplicated = maybe}},
        {"slow_link", "network/slow-link", {.rows = {25}}, 0.2},
    }),
    [](const auto& each) { return std::string{each.param.name}; });

}  // namespace
}  // namespace troop::test
