// Containers that are no parts of a run, killed and stopped through a real Docker engine, and started again.
#include "agents/containers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <thread>

#include "agents/fault.hpp"
#include "agents/undo_journal.hpp"
#include "tests/support/coroutine.hpp"
#include "tests/support/docker_engine.hpp"

namespace troop::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing_support::run;

struct NoParts : agents::Parts {
  agents::Part* find(std::string_view) override { return nullptr; }
};

class ContainersTest : public testing::Test {
 protected:
  void SetUp() override {
    if (const std::string obstacle = DockerEngine::obstacle(); !obstacle.empty()) GTEST_SKIP() << obstacle;
    auto engine = DockerEngine::start();
    ASSERT_TRUE(engine) << engine.error().context;
    engine_ = std::move(engine).value();
    const auto imported = engine_->import_host_image("host-files");
    ASSERT_TRUE(imported.good) << imported.output;
    setenv("TROOP_DOCKER_SOCKET", engine_->socket().c_str(), 1);
    start("web");
    order_.number = 4;
    order_.victim = "local";
    order_.parameters["container"] = std::string{"web"};
  }
  void TearDown() override { unsetenv("TROOP_DOCKER_SOCKET"); }
  void start(const std::string& name, const std::vector<std::string>& options = {},
             const std::string& script = "trap 'exit 3' TERM; while :; do /bin/sleep 0.1; done") {
    std::vector<std::string> command{
        "run", "--detach", "--name=" + name, "--network=none", "--volume=/usr:/usr:ro", "--ulimit=nofile=1024:1024"};
    command.insert(command.end(), options.begin(), options.end());
    command.insert(command.end(), {"host-files", "/bin/sh", "-c", script});
    const auto started = engine_->run(command);
    ASSERT_TRUE(started.good) << started.output;
  }
  std::string inspect(const std::string& what) { return engine_->run({"inspect", "--format", what, "web"}).output; }
  void use(const char* fault) {
    order_.fault = fault;
    fault_ = agents::find_fault(fault);
    ASSERT_NE(fault_, nullptr);
    state_.clear();
  }
  Result<agents::UndoRecord> plan() { return fault_->plan(parts_, order_); }
  void expect_refused(const std::string& why) {
    const auto planned = plan();
    ASSERT_TRUE(planned.has_error()) << why;
    EXPECT_EQ(planned.error().kind, ErrorKind::usage);
    EXPECT_THAT(planned.error().context, AllOf(HasSubstr(order_.fault), HasSubstr(why)));
    EXPECT_TRUE(run(fault_->look(parts_, order_, state_)).has_error());
    EXPECT_TRUE(run(fault_->apply(parts_, order_, state_)).has_error());
  }

  std::unique_ptr<DockerEngine> engine_;
  NoParts parts_;
  protocol::StepOrder order_;
  const agents::Fault* fault_ = nullptr;
  boost::json::object state_;
};

TEST_F(ContainersTest, AreTakenDownAndStartedAgain) {
  const std::string id = inspect("{{.Id}}");
  for (const auto& [name, exit_code] : {std::pair{"instance.kill", "137"}, {"service.stop", "3"}}) {
    use(name);
    const auto planned = plan();
    ASSERT_TRUE(planned) << planned.error().context;
    EXPECT_EQ(planned.value().kind, agents::container_kind);
    EXPECT_EQ(inspect("{{.State.Running}}"), "true\n") << "a plan changes nothing";
    EXPECT_TRUE(run(fault_->revert(parts_, order_, state_))) << "it never was in force";
    ASSERT_TRUE(run(fault_->look(parts_, order_, state_)));
    const auto applied = run(fault_->apply(parts_, order_, state_));
    ASSERT_TRUE(applied) << applied.error().context;
    EXPECT_THAT(applied.value().text, AllOf(HasSubstr("web is down"), HasSubstr(exit_code)));
    EXPECT_EQ(inspect("{{.State.Running}}"), "false\n");
    ASSERT_TRUE(parts_.holdings().contains(4));
    EXPECT_TRUE(parts_.holdings().at(4)->renew());
    ASSERT_TRUE(engine_->run({"start", "web"}).good);
    EXPECT_TRUE(parts_.holdings().at(4)->renew().has_error()) << "somebody else started it: it is not down any more";
    for (int i = 0; i < 2; ++i) {
      const auto reverted = run(fault_->revert(parts_, order_, state_));
      ASSERT_TRUE(reverted) << reverted.error().context;
      EXPECT_EQ(inspect("{{.State.Running}}"), "true\n");
    }
    EXPECT_EQ(inspect("{{.Id}}"), id);
  }
}

TEST_F(ContainersTest, AreStartedAgainWhenTheAgentThatStoppedThemDied) {
  use("instance.kill");
  auto record = plan().value();
  ASSERT_TRUE(run(fault_->look(parts_, order_, state_)));
  record.state["container"] = state_["container"];
  const testing_support::TemporaryFolder folder;
  {
    auto journal = agents::UndoJournal::create(folder / "state");
    ASSERT_TRUE(journal);
    ASSERT_TRUE(journal.value().append(record));
  }
  ASSERT_TRUE(run(fault_->apply(parts_, order_, state_)));
  unsetenv("TROOP_DOCKER_SOCKET");  // whoever cleans up does not know where the engine was
  const auto cleaned = agents::clean_up_after_the_dead(folder / "state");
  EXPECT_EQ(cleaned.undone, 1);
  EXPECT_THAT(cleaned.problems, testing::IsEmpty());
  EXPECT_EQ(inspect("{{.State.Running}}"), "true\n");
}

TEST_F(ContainersTest, AreStartedAgainWhereTheyAreStillOnTheirWayDown) {
  start("slow", {}, "trap 'sleep 2; exit 0' TERM; while :; do /bin/sleep 0.1; done");
  order_.parameters["container"] = std::string{"slow"};
  use("service.stop");
  ASSERT_TRUE(run(fault_->look(parts_, order_, state_)));
  const std::string before{state_.at("started_at").as_string()};
  {
    const std::jthread stopping{[this] { (void)engine_->run({"stop", "--time=20", "slow"}); }};
    ASSERT_TRUE(eventually([&] { return engine_->run({"top", "slow"}).output.find("sleep 2") != std::string::npos; }, 10s));
    EXPECT_TRUE(run(fault_->revert(parts_, order_, state_)));
  }
  EXPECT_EQ(engine_->run({"inspect", "--format", "{{.State.Running}}", "slow"}).output, "true\n");
  EXPECT_NE(engine_->run({"inspect", "--format", "{{.State.StartedAt}}", "slow"}).output, before + "\n");
}

TEST_F(ContainersTest, AreRefusedWithTheReason) {
  start("brief", {"--rm"});
  for (const char* fault : {"instance.kill", "service.stop"}) {
    use(fault);
    order_.parameters["container"] = std::string{"no-such"};
    expect_refused("knows no container no-such");
    order_.parameters["container"] = std::string{"../../images/prune?x="};
    expect_refused("knows no container");
    order_.parameters["container"] = inspect("{{.Id}}").substr(0, 6);
    expect_refused("whose id begins so");
    order_.parameters["container"] = std::string{"brief"};
    expect_refused("would be removed when it ends");
  }
  ASSERT_TRUE(engine_->run({"pause", "web"}).good);
  order_.parameters["container"] = std::string{"web"};
  expect_refused("container web is paused");
  ASSERT_TRUE(engine_->run({"kill", "web"}).good);
  expect_refused("container web does not run");
  setenv("TROOP_DOCKER_SOCKET", "/nowhere/docker.sock", 1);
  expect_refused("the Docker engine at /nowhere/docker.sock");
}

TEST_F(ContainersTest, AreHitByARunAndRunAfterwards) {
  World world;
  start("still", {}, "exec /bin/sleep 600");  // one process that stays: any of a container's may be chosen
  const fs::path file = world.root() / "scenario.toml";
  std::ofstream{file} << R"(
name = "containers"
accept = ["process.pause", "instance.kill"]
duration = "6s"
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
fault = "process.pause"
target = "local"
for = "1s"
container = "still"
[[step]]
at = "3s"
fault = "instance.kill"
target = "local"
for = "1s"
container = "web"
)";
  const std::string started = inspect("{{.State.StartedAt}}");
  TroopCommand troop{world,
                     {"run", file.string(), "--out", world.run_directory().string(), "--seed", "7"},
                     {"TROOP_DOCKER_SOCKET=" + engine_->socket()}};
  EXPECT_EQ(troop.exit_code(120s), 0) << troop.output() << troop.errors();
  EXPECT_THAT(troop.output(), AllOf(HasSubstr("in state T"), HasSubstr("container web is down")));
  EXPECT_EQ(inspect("{{.State.Running}}"), "true\n");
  EXPECT_NE(inspect("{{.State.StartedAt}}"), started);
  EXPECT_THAT(world.leftovers(), testing::IsEmpty());
}

}  // namespace
}  // namespace troop::test
