// What the doctor says, from findings made up here; that the findings are true is for ability_test and the integration
// tests.
#include "agents/daemon/doctor.hpp"

#include <gmock/gmock.h>

#include <boost/json.hpp>

namespace troop::agents {
namespace {

Examination examination() {
  Examination found;
  found.host = "db-1";
  found.kernel = "Linux 6.1 x86_64";
  found.user = "root";
  found.abilities = {{"undo journal", {}}, {"nftables", {"no table", "modprobe nf_tables"}}};
  found.faults = {{"broker.kill", {}},
                  {"network.latency", {.how = "netem"}},
                  {"network.loss", {"no nftables", "modprobe nf_tables"}}};
  return found;
}

TEST(DoctorTest, SaysALineForEachFindingInGroups) {
  EXPECT_EQ(to_text(examination()),
            "db-1, Linux 6.1 x86_64, as root\n"
            "\n"
            "undo journal     yes\n"
            "nftables         no   no table; modprobe nf_tables\n"
            "\n"
            "broker.kill      yes\n"
            "\n"
            "network.latency  yes  netem\n"
            "network.loss     no   no nftables; modprobe nf_tables\n"
            "\n"
            "2 of 3 faults can be done here.\n");
}

TEST(DoctorTest, NamesWhatTheHostHasToSay) {
  auto found = examination();
  found.policy = "/etc/troop/policy.json";
  found.environment = "staging";
  found.veto = "vetoed by /run/troop/veto: release night";
  EXPECT_THAT(to_text(found), testing::HasSubstr("as root\npolicy /etc/troop/policy.json\nenvironment staging\n"
                                                 "vetoed by /run/troop/veto: release night; nothing begins here"));
}

TEST(DoctorTest, CallsAHostAbleOnlyWhereEveryFaultCanBeDoneNow) {
  auto found = examination();
  EXPECT_FALSE(found.all_able());
  found.faults.pop_back();
  EXPECT_TRUE(found.all_able()) << "what no fault needs may be missing";
  found.veto = "vetoed by /run/troop/veto";
  EXPECT_FALSE(found.all_able());
}

TEST(DoctorTest, SaysTheSameAsJson) {
  EXPECT_EQ(to_json(examination()), boost::json::parse(R"({
    "host": "db-1", "kernel": "Linux 6.1 x86_64", "user": "root", "policy": null, "environment": null, "veto": null,
    "abilities": [
      {"name": "undo journal", "able": true, "how": null, "why": null, "remedy": null},
      {"name": "nftables", "able": false, "how": null, "why": "no table", "remedy": "modprobe nf_tables"}],
    "faults": [
      {"name": "broker.kill", "able": true, "how": null, "why": null, "remedy": null},
      {"name": "network.latency", "able": true, "how": "netem", "why": null, "remedy": null},
      {"name": "network.loss", "able": false, "how": null, "why": "no nftables", "remedy": "modprobe nf_tables"}]})"));
}

}  // namespace
}  // namespace troop::agents
