// What a host refuses, by its policy file and by its veto, through the real `troop`.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/troop_test.hpp"

namespace troop::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class PolicyRunTest : public TroopTest<testing::Test> {
 protected:
  PolicyRunTest() { say("{}"); }
  void say(const std::string& policy) {
    std::ofstream{policy_} << policy;
    fs::permissions(policy_, fs::perms::owner_read | fs::perms::owner_write);
  }
  TroopCommand run(std::vector<std::string> sets = {}, bool dry = false) {
    sets.insert(sets.end(), {"duration=4s", "step.0.at=500ms", "workload.rate=500"});
    auto arguments = run_arguments("broker/stop", sets);
    if (dry) arguments.emplace_back("--dry-run");
    return TroopCommand{world_, arguments, {"TROOP_POLICY=" + policy_.string()}};
  }
  /// Exit code 2 and `why`, whether it would begin or only ask.
  void expect_refused(const std::string& why, const std::vector<std::string>& sets = {}) {
    for (const bool dry : {false, true}) {
      auto troop = run(sets, dry);
      EXPECT_EQ(troop.exit_code(30s), 2) << everything(troop);
      EXPECT_THAT(troop.errors(), HasSubstr(why));
      EXPECT_FALSE(fs::exists(world_.run_directory())) << "nothing was touched, so there is nothing to tell";
      expect_nothing_left();
    }
  }

  fs::path policy_ = world_.root() / "policy.json";
  fs::path veto_ = world_.root() / "state/veto";
};

TEST_F(PolicyRunTest, RefusesAFaultThatThePolicyDoesNotAllow) {
  say(R"({"deny": ["broker.*"]})");
  expect_refused("policy file " + policy_.string() + " refuses broker.stop: 'deny' names \"broker.*\"");
  say(R"({"allow": ["process.*"]})");
  expect_refused("refuses broker.stop: 'allow' does not name it");
  say(R"({"longest": "10s"})");
  expect_refused("refuses broker.stop for 11s: 'longest' is 10s", {"step.0.for=11s"});
}

TEST_F(PolicyRunTest, RefusesAScenarioForAnotherEnvironment) {
  say(R"({"environment": "production"})");
  expect_refused("it is for environment 'staging', and this host is 'production'", {"environment=staging"});
  auto same = run({"environment=production"}, true);
  EXPECT_EQ(same.exit_code(30s), 0) << everything(same);
  EXPECT_THAT(same.output(), HasSubstr("environment   production"));
  expect_refused("it names no environment, and this host is 'production'");
  say("{}");
  for (const bool same_as_ours : {true, false}) {
    const auto arguments = run_arguments("broker/stop", {same_as_ours ? "environment=ci" : "environment=production"});
    TroopCommand troop{world_, arguments, {"TROOP_POLICY=" + policy_.string(), "TROOP_ENVIRONMENT=ci"}};
    if (same_as_ours) {
      EXPECT_TRUE(troop.says("start broker", 60s)) << everything(troop);
      troop.signal(SIGINT);
      EXPECT_EQ(troop.exit_code(60s), 130) << everything(troop);
      fs::remove_all(world_.run_directory());
      continue;
    }
    EXPECT_EQ(troop.exit_code(30s), 2) << everything(troop);
    EXPECT_THAT(troop.errors(), HasSubstr("it is for environment 'production', and TROOP_ENVIRONMENT says 'ci'"));
    expect_nothing_left();
  }
}

TEST_F(PolicyRunTest, RefusesAFaultOnAnAttachedBrokerThatIsProtected) {
  const fs::path file = world_.root() / "attached.toml";
  std::ofstream{file} << R"(
name = "attached"
duration = "2s"
[system.broker]
managed = false
[system.broker.attach]
url_from = "env:TROOP_BROKER_URL"
management_from = "env:TROOP_MANAGEMENT_URL"
vhost = "v"
allow = ["broker.purge"]
[[step]]
at = "1s"
fault = "broker.purge"
target = "broker"
[[invariant]]
kind = "accounting"
)";
  const auto attached = [&](const std::string& policy, const std::vector<std::string>& sets) {
    say(policy);
    TroopCommand troop{world_,
                       run_arguments(file.string(), sets),
                       {"TROOP_POLICY=" + policy_.string(), "TROOP_BROKER_URL=amqp://me:canary@127.0.0.1:9",
                        "TROOP_MANAGEMENT_URL=http://127.0.0.1:9"}};
    EXPECT_EQ(troop.exit_code(30s), 2) << everything(troop);
    expect_nothing_left();
    return troop.errors();
  };
  EXPECT_THAT(attached(R"({"protected_ports": [9]})", {}),
              HasSubstr("refuses broker.purge on 127.0.0.1, port 9: 'protected_ports' has 9"));
  EXPECT_THAT(attached(R"({"protected_peers": ["127.0.0.0/8"]})", {}),
              HasSubstr("'protected_peers' has \"127.0.0.0/8\""));
  EXPECT_THAT(attached(R"({"protected_ports": [9]})", {"step.0.fault=process.kill", "step.0.target=consumer-1"}),
              Not(HasSubstr("protected")))
      << "that does not hit the broker; nobody answers there, though";
}

TEST_F(PolicyRunTest, RefusesEverythingWhereThePolicyIsNotUnderstood) {
  say(R"({"denied": ["process.kill"]})");
  expect_refused("policy file " + policy_.string() + ": 'denied': is no key of a policy");
  say("{}");
  fs::permissions(policy_, fs::perms::others_write, fs::perm_options::add);
  expect_refused("others must not write to it");
  fs::remove(policy_);
  expect_refused("policy file " + policy_.string() + ": No such file or directory");
}

TEST_F(PolicyRunTest, BeginsNothingUnderAVeto) {
  std::ofstream{veto_} << "release night";
  for (const bool dry : {false, true}) {
    auto troop = run({}, dry);
    EXPECT_EQ(troop.exit_code(30s), 2) << everything(troop);
    EXPECT_THAT(troop.errors(), HasSubstr("vetoed by " + veto_.string() + ": release night"));
    EXPECT_FALSE(fs::exists(world_.run_directory()));
  }
  EXPECT_TRUE(fs::exists(veto_)) << "it is its author's to lift";
  fs::remove(veto_);
  expect_nothing_left();
}

TEST_F(PolicyRunTest, EndsARunAtOnceThatIsVetoed) {
  auto troop = run({"step.0.for=60s", "duration=61s"});
  ASSERT_TRUE(troop.says("broker.stop on broker", 60s)) << everything(troop);
  const std::int64_t vetoed = monotonic_ns();
  std::ofstream{veto_} << "release night";
  EXPECT_EQ(troop.exit_code(30s), 3) << everything(troop);
  EXPECT_LT(monotonic_ns() - vetoed, Duration{25s}.count()) << "long before the fault would have been over";
  fs::remove(veto_);
  expect_nothing_left();
  const auto document = run_json(world_);
  EXPECT_EQ(document.at("verdict").as_string(), "inconclusive");
  EXPECT_THAT(boost::json::serialize(document.at("problems")), HasSubstr("state/veto: release night"));
}

}  // namespace
}  // namespace troop::test
