// What a host's policy allows. Whatever is wrong with the file, nothing is allowed: each row of the table of mistakes
// is a way in which a policy could have been taken for a milder one.
#include "agents/host/policy.hpp"

#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>

#include "tests/support/temporary_folder.hpp"

namespace troop::agents {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;

class PolicyTest : public testing::Test {
 protected:
  void TearDown() override { unsetenv("TROOP_POLICY"); }
  Result<Policy> reading(const std::string& text, fs::perms mode = fs::perms::owner_read) {
    fs::remove(path_);
    std::ofstream{path_} << text;
    fs::permissions(path_, mode);
    setenv("TROOP_POLICY", path_.c_str(), 1);
    return read_policy();
  }
  Policy policy(const std::string& text) {
    auto read = reading(text);
    EXPECT_TRUE(read) << read.error().context;
    return read ? std::move(read).value() : Policy{};
  }
  void expect_refused(const Result<void>& asked, const std::string& why) {
    ASSERT_TRUE(asked.has_error()) << why;
    EXPECT_EQ(asked.error().kind, ErrorKind::usage);
    EXPECT_THAT(asked.error().context, AllOf(HasSubstr("policy file " + path_.string() + " refuses"), HasSubstr(why)));
  }

  testing_support::TemporaryFolder folder_;
  const fs::path path_ = folder_ / "policy.json";
};

TEST_F(PolicyTest, ProtectsSshAloneWhereItSaysNothing) {
  const Policy said_nothing = policy("{}");
  for (const Policy& each : {Policy{}, said_nothing}) {
    EXPECT_TRUE(admits_environment(each, "production"));
    EXPECT_TRUE(admits_environment(each, ""));
    EXPECT_TRUE(admits_fault(each, "broker.kill", 24h));
    EXPECT_TRUE(admits_target(each, "broker.kill", "10.0.0.5", 5672));
    EXPECT_TRUE(admits_target(each, "broker.kill", "10.0.0.5", 22).has_error());
    EXPECT_TRUE(admits_port(each, "network.loss", 22).has_error());
    EXPECT_TRUE(admits_port(each, "network.loss", 23));
  }
  EXPECT_THAT(admits_port(Policy{}, "network.loss", 22).error().context, HasSubstr("without a policy file"));
  EXPECT_TRUE(admits_port(policy(R"({"protected_ports": []})"), "network.loss", 22));
}

TEST_F(PolicyTest, AllowsFaultsAndFamiliesAndNoOthers) {
  const Policy some = policy(R"({"allow": ["broker.*", "process.kill"], "deny": ["broker.purge"]})");
  EXPECT_TRUE(admits_fault(some, "broker.kill", {}));
  EXPECT_TRUE(admits_fault(some, "process.kill", {}));
  expect_refused(admits_fault(some, "process.pause", {}), "process.pause: 'allow' does not name it");
  expect_refused(admits_fault(some, "broker.purge", {}), "broker.purge: 'deny' names \"broker.purge\"");
  expect_refused(admits_fault(some, "brokerx.kill", {}), "'allow' does not name it");
  expect_refused(admits_fault(policy(R"({"allow": []})"), "broker.kill", {}), "'allow' does not name it");
  EXPECT_TRUE(reading(R"({"deny": ["zone.down"]})").has_error())
      << "it is made of others, and no agent is asked for it";
  EXPECT_TRUE(admits_fault(policy(R"({"deny": ["broker.stop"]})"), "broker.stop_app", {})) << "a name is no beginning";
  const Policy others = policy(R"({"deny": ["process.*"]})");
  EXPECT_TRUE(admits_fault(others, "broker.kill", {}));
  expect_refused(admits_fault(others, "process.kill", {}), "'deny' names \"process.*\"");
}

TEST_F(PolicyTest, BoundsHowLongAFaultMayBeInForce) {
  const Policy short_ones = policy(R"({"longest": "2m"})");
  EXPECT_TRUE(admits_fault(short_ones, "broker.stop", 2min));
  EXPECT_TRUE(admits_fault(short_ones, "broker.restart", {})) << "it is over at once";
  expect_refused(admits_fault(short_ones, "broker.stop", 2min + 1ns), "'longest' is 120s");
  EXPECT_EQ(policy(R"({"longest": "24h"})").longest, Duration{24h});
  EXPECT_EQ(policy(R"({"longest": "90s"})").longest, Duration{90s});
}

TEST_F(PolicyTest, TakesScenariosOfItsEnvironmentOnly) {
  const Policy staging = policy(R"({"environment": "staging"})");
  EXPECT_TRUE(admits_environment(staging, "staging"));
  expect_refused(admits_environment(staging, ""), "it names no environment, and this host is 'staging'");
  expect_refused(admits_environment(staging, "ci"), "environment 'ci', and this host is 'staging'");
}

TEST_F(PolicyTest, ProtectsPortsAndPeers) {
  const Policy safe = policy(R"({"protected_ports": [22, 5671],
                                 "protected_peers": ["10.0.0.5", "10.1.0.0/16", "fd00::/8", "::ffff:10.2.0.1"]})");
  EXPECT_TRUE(admits_target(safe, "broker.kill", "10.0.0.6", 5672));
  EXPECT_TRUE(admits_target(safe, "broker.kill", "10.2.0.2", 5672));
  EXPECT_TRUE(admits_target(safe, "broker.kill", "fe80::1", 5672));
  expect_refused(admits_target(safe, "broker.kill", "10.0.0.6", 5671), "'protected_ports' has 5671");
  expect_refused(admits_port(safe, "network.loss", 5671), "on port 5671: 'protected_ports' has 5671");
  EXPECT_TRUE(admits_target(safe, "network.loss", "10.0.0.6", {})) << "what is protected is left out of all ports";
  expect_refused(admits_target(safe, "broker.kill", "10.0.0.5", 5672), "'protected_peers' has \"10.0.0.5\"");
  expect_refused(admits_target(safe, "broker.kill", "10.1.255.9", 5672), "'protected_peers' has \"10.1.0.0/16\"");
  expect_refused(admits_target(safe, "broker.kill", "::ffff:10.1.2.3", 5672), "10.1.0.0/16");
  expect_refused(admits_target(safe, "broker.kill", "10.2.0.1", 5672), "::ffff:10.2.0.1");
  expect_refused(admits_target(safe, "broker.kill", "fd12::1", 5672), "'protected_peers' has \"fd00::/8\"");
  expect_refused(admits_target(safe, "broker.kill", "mq.example", 5672), "cannot be told");
}

struct Mistake {
  const char* name;
  std::string text;
  const char* why;
};

void PrintTo(const Mistake& mistake, std::ostream* out) { *out << mistake.name; }

class PolicyMistakeTest : public PolicyTest, public testing::WithParamInterface<Mistake> {};

TEST_P(PolicyMistakeTest, IsRefused) {
  const auto read = reading(GetParam().text);
  ASSERT_TRUE(read.has_error());
  EXPECT_EQ(read.error().kind, ErrorKind::usage);
  EXPECT_THAT(read.error().context, AllOf(HasSubstr("policy file " + path_.string()), HasSubstr(GetParam().why)));
  EXPECT_TRUE(named_command("mq", "start").has_error());
}

INSTANTIATE_TEST_SUITE_P(
    , PolicyMistakeTest,
    testing::ValuesIn(std::vector<Mistake>{
        {"empty", "", "no JSON"},
        {"cut_short", R"({"deny": ["broker.*")", "no JSON"},
        {"more_behind_it", R"({} {})", "no JSON"},
        {"a_comment", "{} // {\"deny\": []}", "no JSON"},
        {"a_list", R"([{"deny": []}])", "no JSON object"},
        {"null", "null", "no JSON object"},
        {"too_long", "{}" + std::string(70'000, ' '), "longer than 64 KiB"},
        {"unknown_key", R"({"denied": ["broker.*"]})", "'denied': is no key"},
        {"key_in_capitals", R"({"Deny": ["broker.*"]})", "'Deny': is no key"},
        {"a_key_twice", R"({"deny": ["broker.*"], "deny": []})", "twice"},
        {"an_escaped_key_twice", R"({"deny": ["broker.*"], "den\u0079": []})", "twice"},
        {"a_command_twice", R"({"commands": {"mq": {"stop": ["/bin/a:\"b"], "stop": ["/bin/b"]}}})", "twice"},
        {"deny_is_a_text", R"({"deny": "broker.*"})", "'deny': is no list"},
        {"deny_is_null", R"({"deny": null})", "'deny': is no list"},
        {"deny_holds_a_number", R"({"deny": [1]})", "'deny': is no list of texts"},
        {"deny_of_no_fault", R"({"deny": ["broker.kil"]})", "neither a fault"},
        {"deny_of_no_family", R"({"deny": ["brokr.*"]})", "neither a fault"},
        {"deny_of_half_a_family", R"({"deny": ["bro.*"]})", "neither a fault"},
        {"deny_of_everything", R"({"deny": ["*"]})", "neither a fault"},
        {"deny_of_a_pattern", R"({"deny": ["broker.k*"]})", "neither a fault"},
        {"deny_of_nothing", R"({"deny": [""]})", "neither a fault"},
        {"deny_with_a_blank", R"({"deny": ["broker.kill "]})", "neither a fault"},
        {"allow_is_an_object", R"({"allow": {"broker.kill": true}})", "'allow': is no list"},
        {"allow_of_no_fault", R"({"allow": ["broker.kill", "x.y"]})", "\"x.y\""},
        {"longest_is_a_number", R"({"longest": 60})", "'longest': is no text"},
        {"longest_without_unit", R"({"longest": "60"})", "'longest': is no whole number"},
        {"longest_is_nothing", R"({"longest": "0s"})", "'longest': is no whole number"},
        {"longest_is_negative", R"({"longest": "-5m"})", "'longest': is no whole number"},
        {"longest_is_a_fraction", R"({"longest": "1.5m"})", "'longest': is no whole number"},
        {"longest_has_a_blank", R"({"longest": "5 m"})", "'longest': is no whole number"},
        {"longest_is_too_long", R"({"longest": "25h"})", "'longest': is no whole number"},
        {"longest_overflows", R"({"longest": "99999999999999999999s"})", "'longest': is no whole number"},
        {"environment_is_empty", R"({"environment": ""})", "'environment': is no name"},
        {"environment_in_capitals", R"({"environment": "Staging"})", "'environment': is no name"},
        {"environment_is_a_list", R"({"environment": ["staging"]})", "'environment': is no text"},
        {"port_zero", R"({"protected_ports": [0]})", "'protected_ports': is no list of ports"},
        {"port_too_high", R"({"protected_ports": [65536]})", "'protected_ports': is no list of ports"},
        {"port_as_text", R"({"protected_ports": ["22"]})", "'protected_ports': is no list of ports"},
        {"port_as_fraction", R"({"protected_ports": [22.0]})", "'protected_ports': is no list of ports"},
        {"one_port", R"({"protected_ports": 22})", "'protected_ports': is no list"},
        {"peer_by_name", R"({"protected_peers": ["db-1"]})", "neither an IP address"},
        {"peer_by_half", R"({"protected_peers": ["10.0.0"]})", "neither an IP address"},
        {"peer_with_port", R"({"protected_peers": ["10.0.0.1:22"]})", "neither an IP address"},
        {"network_too_narrow", R"({"protected_peers": ["10.0.0.0/33"]})", "neither an IP address"},
        {"network_without_length", R"({"protected_peers": ["10.0.0.0/"]})", "neither an IP address"},
        {"peer_is_empty", R"({"protected_peers": [""]})", "neither an IP address"},
        {"process_as_text", R"({"protected_processes": "postgres"})", "'protected_processes': is no list"},
        {"process_with_a_folder", R"({"protected_processes": ["/usr/bin/x"]})", "no name of a program"},
        {"process_without_name", R"({"protected_processes": [""]})", "no name of a program"},
        {"commands_are_a_list", R"({"commands": []})", "'commands': is no object"},
        {"a_command_line", R"({"commands": {"mq": "/usr/bin/mq start"}})", "'mq' is no object"},
        {"an_unknown_action", R"({"commands": {"mq": {"begin": ["/bin/true"]}}})", "'begin' is none of start"},
        {"a_command_as_text", R"({"commands": {"mq": {"start": "/bin/true"}}})", "'mq', 'start': is no list"},
        {"a_number_in_a_command", R"({"commands": {"mq": {"start": ["/bin/sleep", 1]}}})", "is no list of texts"},
    }),
    [](const auto& each) { return std::string{each.param.name}; });

TEST_F(PolicyTest, IsReadOnlyWhereNobodyElseCouldHaveWrittenIt) {
  for (const auto others : {fs::perms::group_write, fs::perms::others_write}) {
    EXPECT_THAT(reading("{}", fs::perms::owner_read | others).error().context, HasSubstr("others must not write"));
  }
  fs::remove(path_);
  fs::create_directory(path_);
  EXPECT_TRUE(read_policy().has_error()) << "a folder";
}

TEST_F(PolicyTest, MayBeMissingOnlyWhereNobodyNamedIt) {
  setenv("TROOP_POLICY", path_.c_str(), 1);
  EXPECT_THAT(read_policy().error().context, HasSubstr("No such file"));
  fs::create_symlink(folder_ / "nowhere", path_);
  EXPECT_TRUE(read_policy().has_error());
}

TEST_F(PolicyTest, NamesCommandsBesideItsOtherRules) {
  policy(R"({"longest": "5m", "commands": {"mq": {"start": ["/bin/true", "a:b"], "stop": ["true"], "kill": []}}})");
  EXPECT_THAT(named_command("mq", "start").value(), testing::ElementsAre("/bin/true", "a:b"));
  for (const char* action : {"stop", "kill"}) {
    EXPECT_THAT(named_command("mq", action).error().context, HasSubstr("absolute path"));
  }
  EXPECT_THAT(named_command("mq", "pause").error().context, HasSubstr("no command 'mq' with 'pause'"));
  EXPECT_THAT(named_command("other", "start").error().context, HasSubstr("no command 'other'"));
}

}  // namespace
}  // namespace troop::agents
