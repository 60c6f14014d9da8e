// The library's scenarios on a cluster of three nodes: which of them leads, is lost, or is cut off, and what becomes of
// what was confirmed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>

#include "tests/support/outcome_rows.hpp"
#include "tests/support/troop_test.hpp"

namespace troop::test {
namespace {

using ::testing::ContainsRegex;

constexpr Duration run_max = 240s;
constexpr Seen always = Seen::always, maybe = Seen::maybe;

struct Case {
  const char* name;
  const char* scenario;
  Outcome outcome;
  /// What the first and the last node logged: that they had lost each other, and that the queue had been where it was
  /// meant to be.
  const char* first_node = "";
  const char* last_node = "";
  friend void PrintTo(const Case& c, std::ostream* out) { *out << c.scenario; }
};

class ClusterTest : public TroopTest<testing::TestWithParam<Case>> {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "hosts are network namespaces, which need root";
  }
  /// Logs are long: what does not match is not printed.
  bool logged(const char* log, const char* pattern) {
    const testing::Matcher<std::string> matcher = ContainsRegex(pattern);
    return matcher.Matches(slurp(world_.run_directory() / "evidence" / log));
  }
};

TEST_P(ClusterTest, DoesToMessagesWhatIsExpected) {
  TroopCommand troop{world_, run_arguments(GetParam().scenario)};
  ASSERT_EQ(troop.exit_code(run_max), 0) << everything(troop);
  const auto document = run_json(world_);
  for (const auto& fault : document.at("faults").as_array()) {
    EXPECT_EQ(fault.at("outcome").as_string(), "proven") << boost::json::serialize(fault);
    EXPECT_TRUE(fault.at("restored_ns").is_int64()) << boost::json::serialize(fault);
    const std::string back{fault.at("restored_proof").as_string()};
    const bool of_a_node = fault.at("name").as_string().starts_with("broker.");
    EXPECT_EQ(back.find("in a cluster of ") != std::string::npos, of_a_node) << back;
  }
  EXPECT_GT(count_of(document, "delivery", "confirmed"), 1000);
  EXPECT_EQ(judgement(document, "exercised").at("outcome").as_string(), "holds");
  EXPECT_TRUE(logged("broker.log", GetParam().first_node)) << GetParam().first_node;
  EXPECT_TRUE(logged("broker-3.log", GetParam().last_node)) << GetParam().last_node;
  expect_outcome(world_, GetParam().scenario, GetParam().outcome);
  expect_nothing_left();
}

INSTANTIATE_TEST_SUITE_P(Library, ClusterTest,
                         testing::ValuesIn(std::vector<Case>{
                             {"bridge", "cluster/bridge", {.rows = {8}, .duplicated = maybe, .redelivered = maybe}},
                             {"zone_down",
                              "cluster/zone-down",
                              {.rows = {8}, .duplicated = maybe, .redelivered = maybe, .vanished = maybe},
                              "producer-3.: user .* authenticated",
                              "Server startup complete.*Server startup complete"},
                             {"leader_killed",
                              "cluster/leader-killed",
                              {.rows = {8}, .duplicated = maybe, .redelivered = maybe},
                              "@10.203.0.3'. in term 1.*producer-3.: user .* authenticated",
                              "Server startup complete.*Server startup complete"},
                             {"minority_cut",
                              "cluster/minority-cut",
                              {.rows = {8}, .duplicated = maybe, .redelivered = maybe},
                              "@10.203.0.3'. in term 1.*term:? [2-9]",
                              "minority/secondary status detected"},
                             {"majority_killed",
                              "cluster/majority-killed",
                              {.rows = {9}, .duplicated = maybe, .redelivered = maybe},
                              "new leader .*@10.203.0.3'.*term 1",
                              "Server startup complete.*Server startup complete"},
                             {"split_brain",
                              "cluster/split-brain",
                              {.rows = {24},
                               .lost = always,
                               .duplicated = maybe,
                               .redelivered = maybe,
                               .reordered = maybe,
                               .sink = "unaccounted"},
                              "node 'troop@10.203.0.3' down",
                              "[Pp]romoting"},
                         }),
                         [](const auto& each) { return std::string{each.param.name}; });

struct Loss {
  const char* name;
  const char* moment;  ///< What the run says before.
  int signal;
  bool of_agent;  ///< The agent that has the nodes gets it; otherwise the controller.
  friend void PrintTo(const Loss& c, std::ostream* out) { *out << c.name; }
};

class LostClusterTest : public TroopTest<testing::TestWithParam<Loss>> {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "hosts are network namespaces, which need root";
  }
  [[nodiscard]] std::vector<pid_t> called(std::string_view name) const {
    std::vector<pid_t> found;
    for (const pid_t pid : world_.processes()) {
      const std::string of = "/proc/" + std::to_string(pid);
      const std::string arguments = slurp(of + "/cmdline");
      const bool elsewhere = arguments.find("--netns") != std::string::npos;
      if (slurp(of + "/comm") == fmt::format("{}\n", name) && !elsewhere &&
          arguments.find("worker") == std::string::npos)
        found.push_back(pid);
    }
    return found;
  }
};

TEST_P(LostClusterTest, LeavesNothing) {
  TroopCommand troop{world_, run_arguments("cluster/leader-killed", {"duration=61s"})};
  ASSERT_TRUE(troop.says(GetParam().moment, 180s)) << everything(troop);
  ASSERT_TRUE(eventually([&] { return called("beam.smp").size() >= 3; }, 60s)) << "three nodes";
  const auto agents = called("troop-agent");
  ASSERT_EQ(agents.size(), 1U);
  if (GetParam().of_agent) {
    kill(agents.front(), GetParam().signal);
  } else {
    troop.signal(GetParam().signal);
  }
  EXPECT_NE(troop.exit_code(60s), 0) << everything(troop);
  expect_nothing_left(21s);
}

INSTANTIATE_TEST_SUITE_P(, LostClusterTest,
                         testing::ValuesIn(std::vector<Loss>{
                             {"interrupted_while_it_starts", "start broker", SIGINT, false},
                             {"agent_killed_while_it_starts", "start broker", SIGKILL, true},
                             {"agent_killed_in_the_experiment", " experiment", SIGKILL, true},
                             {"controller_killed_in_the_experiment", " experiment", SIGKILL, false},
                         }),
                         [](const auto& each) { return std::string{each.param.name}; });

}  // namespace
}  // namespace troop::test
