// Faults on the network of one worker, on this machine's loopback: it starts in a control group of its own, and what
// its connections carry is met, and nobody else's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>

#include "agents/host/control_group.hpp"
#include "tests/support/troop_test.hpp"

namespace troop::test {
namespace {

namespace json = boost::json;
using testing::HasSubstr;

constexpr Duration run_max = 150s;

class WorkerTrafficTest : public TroopTest<testing::Test> {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "root is needed";
    const auto own = agents::own_control_group();
    if (own.has_error()) GTEST_SKIP() << own.error().context;
    groups_ = own.value().folder;
  }
  /// broker/stop with other steps.
  [[nodiscard]] std::string scenario(const std::string& steps) const {
    const fs::path file = world_.root() / "worker.toml";
    std::string text = slurp(TROOP_SOURCE_DIR "/scenarios/library/broker/stop.toml");
    const auto step = text.find("[[step]]");
    text.replace(step, text.find("[[invariant]]") - step, steps);
    std::ofstream{file} << text;
    return file;
  }
  /// The folder of the group with that end that a child of the process is in; empty where there is none.
  [[nodiscard]] std::string group_of_child(pid_t parent, const std::string& end) const {
    const std::string of = "/proc/" + std::to_string(parent);
    std::istringstream pids{slurp(of + "/task/" + std::to_string(parent) + "/children")};
    for (pid_t child = 0; pids >> child;) {
      std::istringstream lines{slurp("/proc/" + std::to_string(child) + "/cgroup")};
      for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("0::") && line.ends_with(end)) return groups_ + line.substr(line.rfind('/'));
      }
    }
    return "";
  }
  [[nodiscard]] static bool is_gone(const std::string& group) { return !group.empty() && !fs::exists(group); }
  [[nodiscard]] std::string folder_in(const std::string& text) const {
    constexpr std::string_view begin = "; of the control group ";
    const auto at = text.find(begin);
    if (at == std::string::npos) return "";
    const auto name = text.find("/troop-", at);
    return groups_ + text.substr(name, text.find(' ', name) - name);
  }

  std::string groups_;  ///< Where the workers' are.
};

/// What was confirmed to each producer while a fault was in force, by fault: from a while after its proof, for what the
/// producer had received and not read yet, until its end was asked for.
std::map<std::string, std::map<std::string, int>> confirmed_during_faults(const fs::path& history) {
  constexpr std::int64_t reads_by_then = Duration{500ms}.count();
  std::map<std::string, std::map<std::string, int>> found;
  std::string in_force;
  std::int64_t since = 0;
  std::ifstream lines{history};
  for (std::string line; std::getline(lines, line);) {
    const auto event = json::parse(line).as_object();
    const auto text = [&](const char* key) {
      const auto* value = event.if_contains(key);
      return value != nullptr && value->is_string() ? std::string{value->get_string()} : std::string{};
    };
    if (text("f") == "fault") {
      const bool begins = text("phase") == "start" && text("type") == "ok";
      if (begins) in_force = text("name") + " on " + text("target"), since = event.at("time").as_int64();
      if (text("phase") == "stop") in_force.clear();
    }
    const bool counts = !in_force.empty() && event.at("time").as_int64() > since + reads_by_then;
    if (counts && text("f") == "publish" && text("type") == "ok") ++found[in_force][text("process")];
  }
  return found;
}

TEST_F(WorkerTrafficTest, IsMetAndNobodyElsesAlsoAfterTheWorkerWasKilled) {
  TroopCommand troop{world_, run_arguments(scenario(R"(
[[step]]
at = "1s"
fault = "process.kill"
target = "producer-1"
for = "500ms"

[[step]]
at = "3s"
fault = "network.partition"
target = "producer-1"
for = "2s"

[[step]]
at = "7s"
fault = "network.latency"
target = "consumer-2"
delay = "20ms"
for = "1s"

[[step]]
at = "9s"
fault = "network.reject"
target = "producer-2"
for = "2s"

[[step]]
at = "12s"
fault = "network.loss"
target = "producer"
percent = 20
for = "1s"
)"),
                                           {"duration=15s", "workload.rate=500", "workload.publish.retry.max=1s",
                                            "invariant.0.expect=[]", "invariant.3.within=30s"})};
  EXPECT_EQ(troop.exit_code(run_max), 0) << everything(troop);
  const auto document = run_json(world_);
  ASSERT_EQ(document.at("faults").as_array().size(), 5U);
  for (const auto& fault : document.at("faults").as_array()) {
    EXPECT_EQ(fault.at("outcome").as_string(), "proven") << json::serialize(fault);
    EXPECT_TRUE(fault.as_object().contains("restored_ns")) << json::serialize(fault);
    if (fault.at("name").as_string() == "process.kill") continue;
    const std::string victim{fault.at("victim").as_string()};
    const std::string proof{fault.at("proof").as_string()};
    EXPECT_TRUE(is_gone(folder_in(proof))) << proof;
    EXPECT_THAT(proof, HasSubstr("-" + victim + " alone"));
  }
  const auto windows = confirmed_during_faults(world_.run_directory() / "history.ndjson");
  const auto& cut = windows.at("network.partition on producer-1");
  EXPECT_FALSE(cut.contains("producer-1"));
  EXPECT_GT(cut.at("producer-2"), 100);
  const auto& refused = windows.at("network.reject on producer-2");
  EXPECT_FALSE(refused.contains("producer-2"));
  EXPECT_GT(refused.at("producer-1"), 50);
  expect_nothing_left();
}

TEST_F(WorkerTrafficTest, IsFreeAndItsGroupRemovedByTheGuardianWhereTheAgentIsKilled) {
  const auto file = scenario(R"(
[[step]]
at = "1s"
fault = "network.partition"
target = "producer-1"
for = "60s"
)");
  {
    TroopCommand troop{world_, run_arguments(file, {"duration=90s", "invariant.3.within=30s"})};
    ASSERT_TRUE(troop.says("network.partition on producer-1", 60s)) << everything(troop);
    std::vector<pid_t> agents;
    for (const pid_t pid : world_.processes()) {
      if (slurp(fs::path{"/proc"} / std::to_string(pid) / "comm") == "troop-agent\n") agents.push_back(pid);
    }
    ASSERT_THAT(agents, testing::SizeIs(1));
    const std::string made = group_of_child(agents.front(), "-producer-1");
    ASSERT_TRUE(!made.empty() && fs::exists(made));
    troop.signal(SIGSTOP);  // so that it cannot clean up
    kill(agents.front(), SIGKILL);
    troop.signal(SIGKILL);
    EXPECT_EQ(troop.exit_code(5s), 137);
    EXPECT_TRUE(eventually([&] { return is_gone(made); }, 10s)) << made;
  }
  expect_nothing_left(10s);
}

TEST_F(WorkerTrafficTest, IsRefusedBeforeAnythingIsStartedWhereTheWorkerIsOnAnotherHost) {
  TroopCommand troop{world_, run_arguments("network/partition-producers", {"step.0.target=producer-1"})};
  EXPECT_EQ(troop.exit_code(60s), 2) << everything(troop);
  EXPECT_THAT(everything(troop), HasSubstr("producer-1 is on another host than the broker"));
  expect_nothing_left();
}

}  // namespace
}  // namespace troop::test
