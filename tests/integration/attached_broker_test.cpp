// Runs on a broker that others run, as a user does: what is theirs is neither touched nor consumed, and afterwards the
// broker is as it was.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/attached_world.hpp"
#include "tests/support/plain_amqp.hpp"
#include "tests/support/shared_broker.hpp"

namespace troop::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class AttachedBrokerTest : public AttachedRunTest {
 protected:
  static void TearDownTestSuite() { broker_.end(); }
  void SetUp() override {
    const auto started = broker_.start();
    ASSERT_TRUE(started) << started.error().context;
    owner_ = &*broker_;
  }
  void TearDown() override {
    if (owner_ == nullptr) return;
    owner_->delete_made_vhosts();
    broker_.expect_as_before();
  }

 private:
  static inline SharedBroker<SomebodysBroker> broker_;
};

/// This one stops the broker, its own.
class AttachedBrokerOutageTest : public AttachedBrokerTest {};

TEST_F(AttachedBrokerTest, WorksInAVhostOfItsOwnAndDeletesIt) {
  const std::string before = owner_->picture();
  TroopCommand troop{world_, arguments(R"(
vhost = "troop/of its own"
create = true
[[step]]
at = "2s"
fault = "broker.close_connections"
target = "broker"
for = "1s"
)"),
                     owner_->variables()};
  // While it runs: the password is in no command line.
  EXPECT_TRUE(troop.says("broker.close_connections", 20s)) << everything(troop);
  expect_no_password_in_command_lines();
  ASSERT_EQ(troop.exit_code(run_max), 0) << everything(troop);
  const auto document = run_json(world_);
  const auto& fault = document.at("faults").at(0).as_object();
  EXPECT_EQ(fault.at("outcome").as_string(), "proven");
  EXPECT_THAT(std::string{fault.at("proof").as_string()}, HasSubstr("closed 4 connections"));
  EXPECT_THAT(std::string{fault.at("back_end").as_string()}, HasSubstr("management API"));
  EXPECT_EQ(owner_->picture(), before);
  expect_nothing_left();
  expect_no_password(troop);
}

TEST_F(AttachedBrokerTest, RefusesWhatIsNotItsOwnAndTouchesNothing) {
  owner_->make_vhost("theirs");
  owner_->make_queue("theirs", "orders");
  owner_->make_vhost("taken");
  owner_->make_queue("taken", "troop.work");
  owner_->make_vhost("empty");
  const std::string before = owner_->picture();
  struct Refusal {
    const char* attach;
    const char* why;
  };
  const std::vector<Refusal> refusals{
      {"vhost = \"theirs\"", "vhost theirs is not Troop's own: it holds queue orders"},
      {"vhost = \"taken\"", "queue troop.work exists in vhost taken already"},
      {"vhost = \"taken\"\nshared_vhost = true", "queue troop.work exists in vhost taken already"},
      {"vhost = \"theirs\"\ncreate = true", "vhost theirs exists already"},
      {"vhost = \"nowhere\"", "the broker has no vhost nowhere"},
      {"vhost = \"empty\"\n[[step]]\nat = \"1s\"\nfault = \"broker.purge\"\ntarget = \"broker\"",
       "broker.purge destroys what nobody brings back; allow it by name"},
      {"vhost = \"empty\"\n[[step]]\nat = \"1s\"\nfault = \"broker.queue_full\"\nfor = \"1s\"\ntarget = \"broker\"",
       "broker.queue_full stays in force where the agent and its guardian are both killed"},
      {"vhost = \"empty\"\nallow = [\"broker.kill\"]\n[[step]]\nat = \"1s\"\nfault = \"broker.kill\"\nfor = "
       "\"1s\"\ntarget = \"broker\"",
       "broker.kill needs a way to stop and start the broker"},
      {"vhost = \"empty\"\nallow = [\"broker.kill\"]\ncontrol = { pid_file = \"/nowhere/pid\", command = \"mq\" }\n"
       "[[step]]\nat = \"1s\"\nfault = \"broker.kill\"\nfor = \"1s\"\ntarget = \"broker\"",
       "pid file /nowhere/pid cannot be read"},
  };
  for (const auto& [attach, why] : refusals) {
    SCOPED_TRACE(attach);
    TroopCommand troop{world_, arguments(attach), owner_->variables()};
    EXPECT_EQ(troop.exit_code(60s), 2) << everything(troop);
    EXPECT_THAT(everything(troop), HasSubstr(why));
    expect_nothing_left();
    expect_no_password(troop);
  }
  {
    SCOPED_TRACE("without the variables");
    TroopCommand troop{world_, arguments("vhost = \"empty\"")};
    EXPECT_EQ(troop.exit_code(60s), 2);
    EXPECT_THAT(everything(troop), HasSubstr("the environment has no TROOP_BROKER_URL"));
  }
  {
    SCOPED_TRACE("a wrong password");
    auto variables = owner_->variables();
    variables[0].replace(variables[0].find(owner_->password()), 6, "wrong!");
    TroopCommand troop{world_, arguments("vhost = \"empty\""), variables};
    EXPECT_EQ(troop.exit_code(60s), 2);
    EXPECT_THAT(everything(troop), HasSubstr("the credentials are refused"));
    EXPECT_THAT(everything(troop), Not(HasSubstr("wrong!")));
  }
  EXPECT_EQ(owner_->picture(), before);
}

TEST_F(AttachedBrokerTest, ActsOnItsOwnInASharedVhostAndLeavesTheOthersTheirs) {
  owner_->make_vhost("shared");
  owner_->make_queue("shared", "orders");
  (void)owner_->ask("POST", "/exchanges/shared/amq.default/publish",
                    R"({"properties":{},"routing_key":"orders","payload":"theirs","payload_encoding":"string"})");
  const std::string before = owner_->picture();
  TroopCommand troop{world_,
                     arguments(R"(
vhost = "shared"
shared_vhost = true
allow = ["broker.delete_queue", "broker.delete_exchange", "broker.delete_binding", "broker.policy", "broker.queue_full"]
[workload.exchange]
name = "troop.shop"
[[step]]
at = "500ms"
fault = "broker.delete_binding"
target = "broker"
for = "500ms"
[[step]]
at = "3s"
fault = "broker.delete_exchange"
target = "broker"
for = "500ms"
[[step]]
at = "5s"
fault = "broker.policy"
target = "broker"
definition = "{\"message-ttl\": 600000}"
for = "500ms"
[[step]]
at = "15s"
fault = "broker.queue_full"
target = "broker"
for = "500ms"
[[step]]
at = "25s"
fault = "broker.delete_queue"
target = "broker"
for = "500ms"
)",
                               {"--set", "duration=27s"}),
                     owner_->variables()};
  const int code = troop.exit_code(run_max);
  EXPECT_TRUE(code == 0 || code == 1) << "a deleted queue may lose messages: " << code << everything(troop);
  const auto document = run_json(world_);
  ASSERT_TRUE(document.is_object()) << everything(troop);
  for (const auto& fault : document.at("faults").as_array()) {
    EXPECT_EQ(fault.at("outcome").as_string(), "proven") << boost::json::serialize(fault);
    EXPECT_TRUE(fault.at("restored_ns").is_int64()) << boost::json::serialize(fault);
  }
  EXPECT_EQ(owner_->picture(), before);
  const std::string theirs =
      owner_->ask("POST", "/queues/shared/orders/get", R"({"count":5,"ackmode":"ack_requeue_true","encoding":"auto"})")
          .body;
  EXPECT_THAT(theirs, HasSubstr("\"payload\":\"theirs\""));
  expect_nothing_left();
  expect_no_password(troop);
}

TEST_F(AttachedBrokerOutageTest, KillsAndPausesByThePidFileAndStartsByANamedCommand) {
  owner_->make_vhost("troop");
  const std::string before = owner_->picture();
  const fs::path pid_file = world_.root() / "pid", wanted = world_.root() / "start-wanted",
                 policy = world_.root() / "policy.json";
  const auto note_pid = [&] { std::ofstream{pid_file} << owner_->broker().managed().process().pid(); };
  note_pid();
  std::ofstream{policy} << fmt::format(R"({{"commands": {{"mq": {{"start": ["/usr/bin/touch", "{}"]}}}}}})",
                                       wanted.string());
  fs::permissions(policy, fs::perms::owner_read | fs::perms::owner_write);
  auto variables = owner_->variables();
  variables.push_back("TROOP_POLICY=" + policy.string());
  const std::string more = fmt::format(R"(
vhost = "troop"
allow = ["broker.kill", "broker.pause"]
control = {{ pid_file = "{}", command = "mq" }}
[[step]]
at = "1s"
fault = "broker.pause"
target = "broker"
for = "1s"
[[step]]
at = "3s"
fault = "broker.kill"
target = "broker"
for = "1s"
)",
                                       pid_file.string());
  TroopCommand troop{world_, arguments(more), variables};
  // Whoever runs the broker starts it when the command asks for that.
  ASSERT_TRUE(eventually([&] { return fs::exists(wanted); }, 60s)) << everything(troop);
  ASSERT_TRUE(owner_->broker().start_again());
  note_pid();
  ASSERT_EQ(troop.exit_code(run_max), 0) << everything(troop);
  const auto document = run_json(world_);
  for (const auto& fault : document.at("faults").as_array()) {
    EXPECT_EQ(fault.at("outcome").as_string(), "proven") << boost::json::serialize(fault);
    EXPECT_TRUE(fault.at("restored_ns").is_int64()) << boost::json::serialize(fault);
  }
  EXPECT_EQ(count_of(document, "accounting", "unaccounted"), 0);
  EXPECT_TRUE(eventually([&] { return owner_->picture() == before; }, 10s)) << owner_->picture();
  EXPECT_TRUE(owner_->broker().managed().process().alive());
  expect_nothing_left();
  expect_no_password(troop);
}

/// Somebody else holds one message unacknowledged: the queue seems empty, and is not proven so.
TEST_F(AttachedBrokerTest, CallsNothingDrainedThatSomebodyStillHolds) {
  owner_->make_vhost("shared");
  TroopCommand troop{world_, arguments("vhost = \"shared\"\n", {"--set", "duration=2s", "--set", "workload.rate=100"}),
                     owner_->variables()};
  ASSERT_TRUE(troop.says("experiment", 60s)) << everything(troop);
  auto address = owner_->broker().address();
  address.vhost = "shared";
  PlainAmqp other{address};
  ASSERT_TRUE(other.good());
  ASSERT_TRUE(other.hold_one("troop.work"));
  EXPECT_EQ(troop.exit_code(run_max), 3) << everything(troop);
  const auto document = run_json(world_);
  EXPECT_EQ(document.at("ended_by").as_string(), "drain-not-proven");
  EXPECT_EQ(judgement(document, "accounting").at("outcome").as_string(), "unknown");
  EXPECT_THAT(slurp(world_.run_directory() / "history.ndjson"), Not(HasSubstr(R"("f":"drain")")));
  EXPECT_THAT(slurp(world_.run_directory() / "junit.xml"), HasSubstr("<error"));
  expect_nothing_left();
}

/// A queue of ours to watch with would make routable what nobody takes, and hide the loss that it is there to see.
TEST_F(AttachedBrokerTest, BindsNoQueueThatTheScenarioDoesNot) {
  owner_->make_vhost("shared");
  TroopCommand troop{
      world_,
      arguments("vhost = \"shared\"\n[workload.exchange]\nname = \"troop.shop\"\nbound = false\n",
                {"--set", "duration=3s", "--set", "workload.rate=100", "--set", "workload.publish.mandatory=false"}),
      owner_->variables()};
  ASSERT_TRUE(troop.says("experiment", 60s)) << everything(troop);
  EXPECT_EQ(owner_->ask("GET", "/queues/shared?columns=name").body, R"([{"name":"troop.work"}])");
  EXPECT_EQ(owner_->ask("GET", "/bindings/shared?columns=source,destination").body,
            R"([{"source":"","destination":"troop.work"}])");
  EXPECT_EQ(troop.exit_code(run_max), 1) << everything(troop);
  const auto document = run_json(world_);
  EXPECT_GT(count_of(document, "accounting", "unaccounted"), 0);
  expect_nothing_left();
}

TEST_F(AttachedBrokerTest, PaysForAnAgentThatWasKilled) {
  const std::string before = owner_->picture();
  TroopCommand troop{world_, arguments(R"(
vhost = "troop"
create = true
allow = ["broker.policy"]
[[step]]
at = "1s"
fault = "broker.policy"
target = "broker"
definition = "{\"message-ttl\": 600000}"
for = "60s"
)"),
                     owner_->variables()};
  ASSERT_TRUE(eventually([&] { return owner_->ask("GET", "/policies/troop/troop.policy").status == 200; }, 60s))
      << everything(troop);
  for (const pid_t pid : world_.processes()) {
    const std::string command = slurp("/proc/" + std::to_string(pid) + "/cmdline");
    if (command.find("troop-agent") != std::string::npos && command.find("serve") != std::string::npos) {
      // What is owed is written down without the password.
      for (const auto& entry : fs::directory_iterator{world_.root() / "state"}) {
        EXPECT_THAT(slurp(entry.path()), HasSubstr("env:TROOP_BROKER_URL"));
        EXPECT_THAT(slurp(entry.path()), Not(HasSubstr(owner_->password())));
      }
      kill(pid, SIGKILL);
    }
  }
  EXPECT_EQ(troop.exit_code(run_max), 3) << everything(troop);
  EXPECT_EQ(owner_->picture(), before);
  expect_nothing_left();
}

}  // namespace
}  // namespace troop::test
