// Runs on hosts that were there before: network namespaces with names. They are used, never made nor removed, and they
// are afterwards as they were.
#include <gmock/gmock.h>
#include <unistd.h>

#include <csignal>

#include "tests/support/named_networks.hpp"
#include "tests/support/troop_test.hpp"

namespace troop::test {
namespace {

using testing::HasSubstr;

class NamedHostsTest : public TroopTest<testing::Test> {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "to enter network namespaces needs root";
    networks_.emplace();
    if (!networks_->why_not().empty()) GTEST_SKIP() << networks_->why_not();
    before_ = pictures();
  }
  [[nodiscard]] std::vector<std::string> on_them(std::vector<std::string> sets) const {
    const std::string near = NamedNetworks::near_name, far = NamedNetworks::far_name;
    sets.insert(sets.end(), {"host.0.netns=" + near, std::string{"host.0.address="} + VethPair::near_address,
                             "host.1.netns=" + far, std::string{"host.1.address="} + VethPair::far_address});
    return run_arguments("network/partition-producers", sets);
  }
  static std::string pictures() {
    return NamedNetworks::picture(NamedNetworks::near_name) + NamedNetworks::picture(NamedNetworks::far_name);
  }
  std::optional<NamedNetworks> networks_;
  std::string before_;
};

TEST_F(NamedHostsTest, AreCutOffAndAsTheyWereAfterwards) {
  TroopCommand troop{world_, on_them({})};
  EXPECT_TRUE(eventually([&] { return pictures() != before_; }, 60s)) << everything(troop);
  ASSERT_EQ(troop.exit_code(90s), 0) << everything(troop);
  EXPECT_EQ(run_json(world_).at("faults").at(0).at("outcome").as_string(), "proven");
  EXPECT_EQ(pictures(), before_);
  expect_nothing_left();
}

/// Agents and guardians are killed in the same moment: the class of traffic stays until somebody pays, from elsewhere.
TEST_F(NamedHostsTest, AreAsTheyWereOnceSomebodyPaysForDeadAgentsAndGuardians) {
  TroopCommand troop{
      world_, on_them({"step.0.fault=network.bandwidth", "step.0.rate_mbit=1.0", "duration=61s", "step.0.for=58s"})};
  ASSERT_TRUE(becomes_proven(troop)) << everything(troop);
  for (const auto* name : {"troop-guardian", "troop-agent"}) {
    for (const pid_t pid : world_.called(name)) kill(pid, SIGSTOP);
  }
  troop.signal(SIGSTOP);
  EXPECT_THAT(pictures(), HasSubstr("htb"));
  for (const auto* name : {"troop-guardian", "troop-agent"}) {
    for (const pid_t pid : world_.called(name)) kill(pid, SIGKILL);
  }
  troop.signal(SIGKILL);
  TroopCommand undo{world_, {"undo", "--all"}, {}, "troop-agent"};
  EXPECT_EQ(undo.exit_code(60s), 0) << everything(undo);
  EXPECT_TRUE(eventually([&] { return pictures() == before_; }, 15s)) << "rules expire by themselves\n" << pictures();
  expect_nothing_left(15s);
}

}  // namespace
}  // namespace troop::test
