// Runs whose steps act on programs of this machine that are no parts of the run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "agents/host/process.hpp"
#include "tests/support/bystander.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/troop_test.hpp"

namespace troop::test {
namespace {

using testing::HasSubstr;

class HostProcessesRunTest : public TroopTest<testing::Test> {
 protected:
  /// A run whose only step is this one; without invariants that such a step could disturb.
  [[nodiscard]] std::vector<std::string> with_step(const std::string& step,
                                                   const std::vector<std::string>& sets = {}) const {
    const fs::path file = world_.root() / "scenario.toml";
    std::ofstream{file} << R"(
name = "host-processes"
accept = ["process.pause", "fd.exhaust"]
duration = "3s"
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
)" << step;
    return run_arguments(file.string(), sets);
  }
  void expect_proven() {
    const auto document = run_json(world_);
    const auto& fault = document.at("faults").at(0);
    EXPECT_EQ(fault.at("outcome").as_string(), "proven") << boost::json::serialize(fault);
    EXPECT_TRUE(fault.as_object().contains("restored_ns")) << boost::json::serialize(fault);
  }

  testing_support::TemporaryFolder programs_;  ///< Not in the world: what runs from there is no leftover.
  const std::string name_ = fresh_program_name();
};

TEST_F(HostProcessesRunTest, PausesAProgramAndLetsItGoOn) {
  const Bystander one{programs_.path(), name_};
  TroopCommand troop{
      world_, with_step("fault = \"process.pause\"\ntarget = \"local\"\nfor = \"1s\"\nname = \"" + name_ + "\"\n")};
  EXPECT_TRUE(eventually([&] { return one.state() == 'T' || troop.exit_code(0s) >= 0; }, 90s));
  EXPECT_EQ(one.state(), 'T') << everything(troop);
  EXPECT_EQ(troop.exit_code(90s), 0) << everything(troop);
  EXPECT_TRUE(one.runs());
  expect_proven();
  EXPECT_THAT(slurp(world_.run_directory() / "history.ndjson"), HasSubstr(R"("target":"local")"));
  expect_nothing_left();
}

TEST_F(HostProcessesRunTest, KillsTheChosenOnesOfAProgram) {
  const Bystander one{programs_.path(), name_}, two{programs_.path(), name_};
  TroopCommand troop{
      world_, with_step("fault = \"process.kill\"\ntarget = \"local\"\nfor = \"1s\"\nkeep_at_least = 1\nname = \"" +
                        name_ + "\"\n")};
  EXPECT_EQ(troop.exit_code(90s), 0) << everything(troop);
  EXPECT_EQ(one.alive() + two.alive(), 1);
  expect_proven();
  expect_nothing_left();
}

TEST_F(HostProcessesRunTest, UsesUpALittleOfTheMachineAndGivesItBack) {
  TroopCommand troop{world_, with_step("fault = \"cpu.burn\"\ntarget = \"local\"\nfor = \"2s\"\npercent = 20\n"
                                       "[[step]]\nat = \"1s\"\nfault = \"memory.fill\"\ntarget = \"local\"\n"
                                       "for = \"1s\"\nmib = 64\n",
                                       {"duration=5s"})};
  EXPECT_EQ(troop.exit_code(90s), 0) << everything(troop);
  EXPECT_THAT(troop.output(), HasSubstr("of CPU time were used in"));
  EXPECT_THAT(troop.output(), HasSubstr("MiB are resident"));
  expect_proven();
  expect_nothing_left();
}

TEST_F(HostProcessesRunTest, RefusesToFillTheDiskOfTheUndoJournal) {
  TroopCommand troop{world_, with_step("fault = \"disk.fill\"\ntarget = \"local\"\nfor = \"2s\"\nmib = 1\npath = \"" +
                                       (world_.root() / "tmp").string() + "\"\n")};
  EXPECT_EQ(troop.exit_code(30s), 2) << everything(troop);
  EXPECT_THAT(troop.errors(), HasSubstr("is on the file system of the agent's undo journal"));
  expect_nothing_left();
}

struct End {
  const char* name;
  int signal;
  bool of_agent;
  friend void PrintTo(const End& c, std::ostream* out) { *out << c.name; }
};
class PausedProgramTest : public HostProcessesRunTest, public testing::WithParamInterface<End> {};

TEST_P(PausedProgramTest, GoesOnWhoeverDies) {
  const Bystander one{programs_.path(), name_};
  TroopCommand troop{
      world_, with_step("fault = \"process.pause\"\ntarget = \"local\"\nfor = \"60s\"\nname = \"" + name_ + "\"\n",
                        {"duration=70s"})};
  ASSERT_TRUE(eventually([&] { return one.state() == 'T' || troop.exit_code(0s) >= 0; }, 90s));
  ASSERT_EQ(one.state(), 'T') << everything(troop);
  if (GetParam().of_agent) {
    const auto agents = world_.agents();
    ASSERT_EQ(agents.size(), 1U);
    kill(agents[0], GetParam().signal);
  } else {
    troop.signal(GetParam().signal);
  }
  EXPECT_TRUE(eventually([&] { return one.runs(); }, 30s)) << everything(troop);
  EXPECT_GE(troop.exit_code(60s), 0);
  expect_nothing_left(21s);
}

INSTANTIATE_TEST_SUITE_P(, PausedProgramTest,
                         testing::ValuesIn(std::vector<End>{{"controller_killed", SIGKILL, false},
                                                            {"controller_interrupted", SIGINT, false},
                                                            {"agent_killed", SIGKILL, true},
                                                            {"agent_hung", SIGSTOP, true}}),
                         [](const auto& each) { return std::string{each.param.name}; });

/// Somebody else ends what a step has done. What is pid's state or name then, and the signal that does it.
struct Meddler {
  const char* name;
  std::string step;
  char state;
  const char* program;
  int signal;
  friend void PrintTo(const Meddler& c, std::ostream* out) { *out << c.name; }
};
class EndedEarlyTest : public HostProcessesRunTest, public testing::WithParamInterface<Meddler> {
 protected:
  [[nodiscard]] std::vector<pid_t> targets() const {
    auto found = world_.called(GetParam().program);
    std::erase_if(found,
                  [](pid_t pid) { return GetParam().state != '\0' && agents::process_state(pid) != GetParam().state; });
    return found;
  }
};

TEST_P(EndedEarlyTest, MakesTheRunInconclusive) {
  TroopCommand troop{world_, with_step(GetParam().step + "for = \"4s\"\n", {"duration=7s"})};
  std::vector<pid_t> hit;
  EXPECT_TRUE(eventually([&] { return !(hit = targets()).empty() || troop.exit_code(0s) >= 0; }, 90s));
  ASSERT_FALSE(hit.empty()) << everything(troop);
  ASSERT_TRUE(becomes_proven(troop)) << everything(troop);
  for (const pid_t pid : hit) EXPECT_EQ(kill(pid, GetParam().signal), 0);
  EXPECT_EQ(troop.exit_code(90s), 3) << everything(troop);
  EXPECT_THAT(boost::json::serialize(run_json(world_).at("problems")),
              testing::AnyOf(HasSubstr("not proven in force until its end"), HasSubstr("could not be kept in force")));
  expect_nothing_left();
}

INSTANTIATE_TEST_SUITE_P(
    , EndedEarlyTest,
    testing::ValuesIn(std::vector<Meddler>{
        {"pause_of_a_worker", "fault = \"process.pause\"\ntarget = \"consumer-1\"\n", 'T', "consumer-1", SIGCONT},
        {"a_burden", "fault = \"cpu.burn\"\ntarget = \"local\"\npercent = 5\n", '\0', "troop-burden", SIGKILL}}),
    [](const auto& each) { return std::string{each.param.name}; });

TEST_F(HostProcessesRunTest, RefusesBeforeAnythingIsTouched) {
  const auto expect_refused = [&](const std::string& selector, const std::string& why) {
    TroopCommand troop{world_, with_step("fault = \"process.kill\"\ntarget = \"local\"\n" + selector)};
    EXPECT_EQ(troop.exit_code(30s), 2) << everything(troop);
    EXPECT_THAT(troop.errors(), HasSubstr(why));
    expect_nothing_left();
  };
  expect_refused("name = \"" + name_ + "\"\n", "no process matches name \"" + name_ + "\"");
  expect_refused("port = 22\n", "process.kill on port 22: 'protected_ports' has 22");
  const Bystander one{programs_.path(), name_};
  expect_refused("name = \"" + name_ + "\"\nkeep_at_least = 1\n", "too few to hit 1 and keep at least 1");
  expect_refused("name = \"troop\"\nkeep_at_least = 10000\n", "which is protected: the agent was started by it");
  EXPECT_TRUE(one.alive());
}

}  // namespace
}  // namespace troop::test
