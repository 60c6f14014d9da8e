// Runs that stop and kill a service of systemd on this machine: whoever dies, it runs afterwards. systemd is the test's
// own; the agent, its guardian and the service's processes are real.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "tests/support/bystander.hpp"
#include "tests/support/fake_systemd.hpp"
#include "tests/support/troop_test.hpp"

namespace troop::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string next_life(32, 'b');

class ServicesRunTest : public TroopTest<testing::Test> {
 protected:
  void SetUp() override {
    systemd_.set(FakeSystemd::running(shop_.pid()));
    systemd_.let("stop", FakeSystemd::down(), {shop_.pid()});
    systemd_.let("kill", FakeSystemd::down("failed"), {shop_.pid()});
    systemd_.let("start", FakeSystemd::running(next_.pid(), next_life));
  }
  /// A run whose only step is this one, on the unit.
  [[nodiscard]] std::vector<std::string> with_step(const std::string& fault,
                                                   const std::vector<std::string>& sets = {}) const {
    const fs::path file = world_.root() / "scenario.toml";
    std::ofstream{file} << R"(
name = "services"
accept = ["service.stop", "instance.kill"]
duration = "4s"
[workload]
rate = 500
[[steady_state]]
probe = "amqp.publish"
tolerance = { success = ">= 0.99" }
[[invariant]]
kind = "delivery"
guarantee = "at-least-once"
[[step]]
at = "1s"
for = "2s"
target = "local"
unit = "shop.service"
fault = ")" << fault << "\"\n";
    return run_arguments(file.string(), sets);
  }
  [[nodiscard]] std::vector<std::string> variables() const { return {systemd_.variable()}; }
  [[nodiscard]] bool started() const { return systemd_.asked().size() == 2; }

  testing_support::TemporaryFolder programs_;  ///< Not in the world: what runs from there is no leftover.
  const std::string name_ = fresh_program_name();
  const Bystander shop_{programs_.path(), name_}, next_{programs_.path(), name_};
  const FakeSystemd systemd_;
};

TEST_F(ServicesRunTest, StopsOneAndStartsItAgain) {
  TroopCommand troop{world_, with_step("service.stop"), variables()};
  EXPECT_EQ(troop.exit_code(90s), 0) << everything(troop);
  const auto document = run_json(world_);
  const auto& fault = document.at("faults").at(0);
  EXPECT_EQ(fault.at("outcome").as_string(), "proven") << boost::json::serialize(fault);
  EXPECT_TRUE(fault.as_object().contains("restored_ns")) << boost::json::serialize(fault);
  EXPECT_THAT(systemd_.asked(), ElementsAre("stop -- shop.service", "start -- shop.service"));
  EXPECT_FALSE(shop_.alive());
  expect_nothing_left();
}

TEST_F(ServicesRunTest, IsInconclusiveWhereSomebodyElseStartsItMeanwhile) {
  TroopCommand troop{world_, with_step("instance.kill", {"duration=16s", "step.0.for=13s"}), variables()};
  ASSERT_TRUE(becomes_proven(troop)) << everything(troop);
  systemd_.set(FakeSystemd::running(next_.pid(), next_life));
  EXPECT_EQ(troop.exit_code(60s), 3) << everything(troop);
  EXPECT_THAT(everything(troop), HasSubstr("somebody else started unit shop.service"));
  EXPECT_THAT(systemd_.asked(), ElementsAre("kill --signal=SIGKILL -- shop.service"));
  expect_nothing_left();
}

TEST_F(ServicesRunTest, RefusesBeforeAnythingIsTouched) {
  systemd_.set({{"Id", "shop.socket"}, {"ActiveState", "active"}}, "shop.socket");
  systemd_.set(FakeSystemd::with(FakeSystemd::running(shop_.pid()), {{"TriggeredBy", "shop.socket"}}));
  TroopCommand troop{world_, with_step("service.stop"), variables()};
  EXPECT_EQ(troop.exit_code(30s), 2) << everything(troop);
  EXPECT_THAT(troop.errors(), HasSubstr("would be started again at any time by shop.socket"));
  EXPECT_THAT(systemd_.asked(), testing::IsEmpty());
  EXPECT_TRUE(shop_.alive());
  expect_nothing_left();
}

struct End {
  const char* name;
  int signal;
  bool of_agent;
  friend void PrintTo(const End& c, std::ostream* out) { *out << c.name; }
};
class StoppedServiceTest : public ServicesRunTest, public testing::WithParamInterface<End> {};

TEST_P(StoppedServiceTest, IsStartedAgainWhoeverDies) {
  TroopCommand troop{world_, with_step("service.stop", {"duration=70s", "step.0.for=60s"}), variables()};
  ASSERT_TRUE(becomes_proven(troop)) << everything(troop);
  EXPECT_FALSE(shop_.alive());
  EXPECT_FALSE(started());
  if (GetParam().of_agent) {
    const auto agents = world_.agents();
    ASSERT_EQ(agents.size(), 1U);
    kill(agents[0], GetParam().signal);
  } else {
    troop.signal(GetParam().signal);
  }
  EXPECT_TRUE(eventually([&] { return started(); }, 40s)) << everything(troop);
  EXPECT_GE(troop.exit_code(60s), 0);
  EXPECT_THAT(systemd_.asked(), ElementsAre("stop -- shop.service", "start -- shop.service"));
  expect_nothing_left(21s);
}

INSTANTIATE_TEST_SUITE_P(, StoppedServiceTest,
                         testing::ValuesIn(std::vector<End>{{"controller_killed", SIGKILL, false},
                                                            {"controller_interrupted", SIGINT, false},
                                                            {"agent_killed", SIGKILL, true},
                                                            {"agent_hung", SIGSTOP, true}}),
                         [](const auto& each) { return std::string{each.param.name}; });

TEST_F(ServicesRunTest, AreStartedByWhoeverUndoesEverything) {
  TroopCommand troop{world_, with_step("service.stop", {"duration=70s", "step.0.for=60s"}), variables()};
  ASSERT_TRUE(becomes_proven(troop)) << everything(troop);
  EXPECT_FALSE(shop_.alive());
  TroopCommand undo{world_, {"undo", "--all"}, variables(), "troop-agent"};
  EXPECT_EQ(undo.exit_code(60s), 0) << everything(undo);
  EXPECT_THAT(systemd_.asked(), ElementsAre("stop -- shop.service", "start -- shop.service"));
  EXPECT_GE(troop.exit_code(60s), 0);
  expect_nothing_left(21s);
}

}  // namespace
}  // namespace troop::test
