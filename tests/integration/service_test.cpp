// An agent that runs as a service: it serves one controller after the other, and puts the host back whoever dies.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>

#include "tests/support/troop_test.hpp"

namespace troop::test {
namespace {

using ::testing::HasSubstr;

class ServiceTest : public TroopTest<testing::Test> {
 protected:
  [[nodiscard]] std::string socket() const { return (world_.root() / "state" / "agent.sock").string(); }
  [[nodiscard]] std::vector<std::string> through_service(std::vector<std::string> sets = {}) const {
    auto arguments = run_arguments("process/paused-consumer", std::move(sets));
    arguments.insert(arguments.end(), {"--agent", socket()});
    return arguments;
  }
  void expect_waiting(TroopCommand& service) {
    ASSERT_TRUE(service.says("waiting for controllers on " + socket(), 20s)) << service.errors();
  }
};

TEST_F(ServiceTest, ServesRunsOneAfterTheOtherAndRefusesASecondAtOnce) {
  TroopCommand service{world_, {"run"}, {}, "troop-agent"};
  expect_waiting(service);
  {
    TroopCommand troop{world_, through_service()};
    ASSERT_TRUE(troop.says(" experiment", 60s)) << everything(troop);
    World elsewhere;
    TroopCommand second{
        elsewhere,
        {"run", "process/paused-consumer", "--out", elsewhere.run_directory().string(), "--agent", socket()}};
    EXPECT_EQ(second.exit_code(20s), 2) << everything(second);
    EXPECT_THAT(second.errors(), HasSubstr("this host serves another run"));
    EXPECT_EQ(troop.exit_code(120s), 0) << everything(troop);
  }
  std::filesystem::remove_all(world_.run_directory());
  TroopCommand again{world_, through_service()};
  EXPECT_EQ(again.exit_code(120s), 0) << everything(again);
  service.signal(SIGTERM);
  EXPECT_EQ(service.exit_code(20s), 0) << service.errors();
  expect_nothing_left();
}

TEST_F(ServiceTest, PutsEverythingBackWhenItIsStoppedUnderARun) {
  TroopCommand service{world_, {"run"}, {}, "troop-agent"};
  expect_waiting(service);
  TroopCommand troop{world_, through_service({"duration=60s", "step.0.for=50s"})};
  ASSERT_TRUE(troop.says("process.pause on", 60s)) << everything(troop);
  service.signal(SIGTERM);
  EXPECT_EQ(service.exit_code(30s), 0) << service.errors();
  EXPECT_EQ(troop.exit_code(60s), 3) << everything(troop);
  EXPECT_THAT(everything(troop), HasSubstr("signal 15"));
  expect_nothing_left();
}

TEST_F(ServiceTest, LeavesNothingWhenItIsKilledUnderARun) {
  TroopCommand service{world_, {"run"}, {}, "troop-agent"};
  expect_waiting(service);
  TroopCommand troop{world_, through_service({"duration=60s", "step.0.for=50s"})};
  ASSERT_TRUE(troop.says("process.pause on", 60s)) << everything(troop);
  service.signal(SIGKILL);
  EXPECT_EQ(troop.exit_code(60s), 4) << "nobody is left who could say that the host is clean";
  // The socket of a killed service stays; the next one takes its place.
  TroopCommand next{world_, {"run"}, {}, "troop-agent"};
  ASSERT_TRUE(next.says("waiting for controllers on " + socket(), 20s)) << next.errors();
  next.signal(SIGTERM);
  EXPECT_EQ(next.exit_code(20s), 0) << next.errors();
  expect_nothing_left();
}

TEST_F(ServiceTest, SurvivesTheAgentThatItStarted) {
  TroopCommand service{world_, {"run"}, {}, "troop-agent"};
  expect_waiting(service);
  {
    TroopCommand troop{world_, through_service({"duration=60s", "step.0.for=50s"})};
    ASSERT_TRUE(troop.says("process.pause on", 60s)) << everything(troop);
    const auto serving = world_.agents();
    ASSERT_EQ(serving.size(), 1U);
    kill(serving.front(), SIGKILL);
    EXPECT_EQ(troop.exit_code(60s), 3) << everything(troop);
  }
  std::filesystem::remove_all(world_.run_directory());
  TroopCommand again{world_, through_service()};
  EXPECT_EQ(again.exit_code(120s), 0) << everything(again);
  service.signal(SIGTERM);
  EXPECT_EQ(service.exit_code(20s), 0) << service.errors();
  expect_nothing_left();
}

TEST_F(ServiceTest, IsNotWaitedForForEverWhereItHangs) {
  TroopCommand service{world_, {"run"}, {}, "troop-agent"};
  expect_waiting(service);
  TroopCommand troop{world_, through_service({"duration=60s", "step.0.for=50s"})};
  ASSERT_TRUE(troop.says("process.pause on", 60s)) << everything(troop);
  const auto serving = world_.agents();
  ASSERT_EQ(serving.size(), 1U);
  service.signal(SIGSTOP);
  kill(serving.front(), SIGKILL);
  EXPECT_EQ(troop.exit_code(200s), 4) << "nobody says whether the host is clean";
  service.signal(SIGCONT);
  service.signal(SIGTERM);
  EXPECT_EQ(service.exit_code(20s), 0) << service.errors();
  expect_nothing_left();
}

TEST_F(ServiceTest, LeavesAloneWhatIsNotItsOwn) {
  const auto path = world_.root() / "tmp" / "agent.sock";
  std::ofstream{path} << "somebody's";
  TroopCommand service{world_, {"run", "--socket", path.string()}, {}, "troop-agent"};
  EXPECT_EQ(service.exit_code(20s), 2) << service.errors();
  EXPECT_EQ(slurp(path), "somebody's");
  std::filesystem::remove(path);
  EXPECT_TRUE(std::filesystem::is_directory(path.parent_path()));
}

TEST_F(ServiceTest, IsNotThereTwiceAndIsMissedWhereItIsNotThere) {
  TroopCommand nobody{world_, through_service()};
  EXPECT_EQ(nobody.exit_code(20s), 2);
  EXPECT_THAT(nobody.errors(), HasSubstr("no agent's service at " + socket()));
  TroopCommand service{world_, {"run"}, {}, "troop-agent"};
  expect_waiting(service);
  World elsewhere;
  TroopCommand second{elsewhere, {"run", "--socket", socket()}, {}, "troop-agent"};
  EXPECT_EQ(second.exit_code(20s), 2);
  EXPECT_THAT(second.errors(), HasSubstr("an agent serves there already"));
  service.signal(SIGTERM);
  EXPECT_EQ(service.exit_code(20s), 0) << service.errors();
  expect_nothing_left();
}

}  // namespace
}  // namespace troop::test
