// troop-agent doctor on this host, which has a RabbitMQ: what it says of it, and that it leaves nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scenarios/model/faults/catalogue.hpp"
#include "tests/support/fake_systemd.hpp"
#include "tests/support/troop_test.hpp"

namespace troop::test {
namespace {

namespace json = boost::json;
using testing::AllOf;
using testing::HasSubstr;

class DoctorTest : public TroopTest<testing::Test> {
 protected:
  struct Said {
    int exit_code = -1;
    json::value json;
    std::string text;
  };
  /// The same question twice, as JSON and as text.
  Said ask(const std::vector<std::string>& variables = {}) {
    TroopCommand as_json{world_, {"doctor", "--json"}, variables, "troop-agent"};
    Said said;
    said.exit_code = as_json.exit_code(30s);
    json::error_code failure;
    said.json = json::parse(as_json.output(), failure);
    EXPECT_FALSE(failure) << everything(as_json);
    TroopCommand as_text{world_, {"doctor"}, variables, "troop-agent"};
    EXPECT_EQ(as_text.exit_code(30s), said.exit_code) << everything(as_text);
    said.text = as_text.output();
    EXPECT_EQ(as_json.errors() + as_text.errors(), "");
    return said;
  }
  static const json::object& fault(const Said& said, std::string_view name) {
    for (const auto& each : said.json.at("faults").as_array()) {
      if (each.at("name").as_string() == name) return each.as_object();
    }
    throw std::runtime_error{"no fault " + std::string{name}};
  }
  std::vector<std::string> policy(const std::string& text) {
    const fs::path path = world_.root() / "policy.json";
    std::ofstream{path} << text;
    fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
    return {"TROOP_POLICY=" + path.string()};
  }
};

TEST_F(DoctorTest, TellsOfEveryFaultWhetherThisHostCanDoIt) {
  const Said said = ask();
  std::set<std::string> told;
  bool all = true;
  for (const auto& each : said.json.at("faults").as_array()) {
    told.insert(each.at("name").as_string().c_str());
    all = all && each.at("able").as_bool();
    EXPECT_EQ(each.at("why").is_null(), each.at("able").as_bool()) << each;
    EXPECT_EQ(each.at("remedy").is_null(), each.at("able").as_bool()) << each;
    EXPECT_THAT(said.text, HasSubstr("\n" + std::string{each.at("name").as_string()} + " "));
  }
  std::set<std::string> known;
  for (const auto& spec : model::faults()) {
    if (!spec.composed) known.emplace(spec.name);
  }
  EXPECT_EQ(told, known);
  EXPECT_EQ(said.exit_code, all ? 0 : 1);
  for (const char* name : {"broker.kill", "broker.stop_app", "process.pause"}) {
    EXPECT_TRUE(fault(said, name).at("able").as_bool()) << fault(said, name);
  }
  expect_nothing_left();
}

TEST_F(DoctorTest, SaysWhatThePolicyRefuses) {
  const Said said = ask(policy(R"({"environment": "staging", "deny": ["broker.kill"]})"));
  EXPECT_EQ(said.exit_code, 1);
  EXPECT_FALSE(fault(said, "broker.kill").at("able").as_bool());
  EXPECT_THAT(fault(said, "broker.kill").at("why").as_string().c_str(), HasSubstr("'deny' names \"broker.kill\""));
  EXPECT_TRUE(fault(said, "broker.stop").at("able").as_bool());
  EXPECT_EQ(said.json.at("environment").as_string(), "staging");
  const Said broken = ask(policy(R"({"denies": []})"));
  EXPECT_EQ(broken.exit_code, 1);
  EXPECT_THAT(fault(broken, "broker.stop").at("why").as_string().c_str(), HasSubstr("'denies': is no key"));
}

TEST_F(DoctorTest, SaysWhetherSystemdRunsTheHostAndWhyNot) {
  const FakeSystemd systemd;
  const Said with = ask({systemd.variable(), "TROOP_DOCKER_SOCKET=/nowhere"});
  for (const char* name : {"service.stop", "instance.kill"}) {
    EXPECT_TRUE(fault(with, name).at("able").as_bool()) << fault(with, name);
    EXPECT_THAT(fault(with, name).at("how").as_string().c_str(),
                AllOf(HasSubstr("systemd 252.38-1~deb12u1"), HasSubstr("no containers: ")));
  }
  if (fs::is_directory("/run/systemd/system")) return;
  const Said without = ask({"TROOP_DOCKER_SOCKET=/nowhere"});
  EXPECT_FALSE(fault(without, "service.stop").at("able").as_bool());
  std::string first = slurp("/proc/1/comm");
  first.pop_back();
  EXPECT_THAT(fault(without, "service.stop").at("why").as_string().c_str(),
              AllOf(HasSubstr("no /run/systemd/system"), HasSubstr("its first process is " + first)));
}

TEST_F(DoctorTest, SaysThatNothingBeginsUnderAVeto) {
  const fs::path veto = world_.root() / "state/veto";
  std::ofstream{veto} << "release night";
  const Said said = ask();
  fs::remove(veto);
  EXPECT_EQ(said.exit_code, 1);
  EXPECT_EQ(said.json.at("veto").as_string(), "vetoed by " + veto.string() + ": release night");
  EXPECT_THAT(said.text, HasSubstr("state/veto: release night; nothing begins here"));
  EXPECT_TRUE(fault(said, "process.pause").at("able").as_bool()) << "it is not the host's fault";
}

TEST_F(DoctorTest, DoesWithoutFaultsWhereTheirUndoCannotBeWrittenDown) {
  fs::remove(world_.root() / "state");
  std::ofstream{world_.root() / "state"} << "no folder";
  const Said said = ask();
  EXPECT_EQ(said.exit_code, 1);
  for (const auto& each : said.json.at("faults").as_array()) {
    EXPECT_THAT(each.at("why").as_string().c_str(), HasSubstr("cannot be written down: " + world_.root().string()))
        << each;
  }
}

}  // namespace
}  // namespace troop::test
