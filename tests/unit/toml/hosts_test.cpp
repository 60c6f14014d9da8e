// Hosts and placements that cannot be are refused with the reason.
#include <gmock/gmock.h>

#include <ostream>

#include "tests/unit/toml/support.hpp"

namespace troop::scenarios::test {
namespace {

struct Case {
  std::string name, text;
  std::string refused;  ///< A part of the only problem's message; empty: valid.
  friend void PrintTo(const Case& c, std::ostream* out) { *out << c.text; }
};

class HostsTest : public testing::TestWithParam<Case> {};

TEST_P(HostsTest, is_refused_with_its_reason_or_accepted) {
  const auto reading = read("name = \"x\"\n" + GetParam().text +
                            "\n[[invariant]]\nkind = \"delivery\"\nguarantee = \"at-least-once\"\n");
  const auto problems = problems_of(reading.problems);
  if (GetParam().refused.empty()) {
    EXPECT_THAT(problems, testing::IsEmpty());
  } else {
    EXPECT_THAT(problems, testing::ElementsAre(testing::HasSubstr(GetParam().refused)));
  }
}

const std::string two = "[[host]]\nname = \"mq\"\n[[host]]\nname = \"app\"\n";
const std::string on_mq = "[system.broker]\nhost = \"mq\"\n";
const std::string cluster = two + "[system.broker]\nnodes_on = [\"mq\", \"app\"]\n";

std::string hit(const std::string& fault, const std::string& target) {
  return cluster + "[[step]]\nat = \"1s\"\nfault = \"" + fault + "\"\ntarget = \"" + target + "\"\nfor = \"1s\"\n";
}

std::string cut(const std::string& peers) {
  return two + on_mq +
         "[[step]]\nat = \"1s\"\nfault = \"network.partition\"\ntarget = \"app\"\nfor = \"1s\"\npeers = [" + peers +
         "]\n";
}

const std::string zones =
    "[[host]]\nname = \"mq\"\nzone = \"left\"\n[[host]]\nname = \"app\"\nzone = \"right\"\n" + on_mq;

std::string down(const std::string& zone) {
  return "[[step]]\nat = \"1s\"\nfault = \"zone.down\"\ntarget = \"" + zone + "\"\nfor = \"1s\"\n";
}

std::string apart(const std::string& how) {
  return two + on_mq + "[[step]]\nat = \"1s\"\nfault = \"network.partition\"\ntarget = \"hosts\"\nfor = \"1s\"\n" +
         how + "\n";
}

std::string fill(const std::string& target, const std::string& path) {
  return "[[step]]\nat = \"1s\"\nfault = \"disk.fill\"\ntarget = \"" + target + "\"\nfor = \"1s\"\nmib = 8\n" + path;
}

INSTANTIATE_TEST_SUITE_P(
    , HostsTest,
    testing::ValuesIn(std::vector<Case>{
        {"two_hosts", two + on_mq + "[workload]\nproducers_on = [\"app\"]\nconsumers_on = [\"app\", \"mq\"]\n", ""},
        {"an_existing_namespace", "[[host]]\nname = \"mq\"\nnetns = \"blue\"\naddress = \"10.1.2.3\"\n" + on_mq, ""},
        {"a_cluster", cluster + "on_partition = \"autoheal\"\nnet_ticktime = \"10s\"\n", ""},
        {"a_cluster_of_one", two + "[system.broker]\nnodes_on = [\"mq\"]\n", "two nodes at least"},
        {"a_cluster_twice_on_one_host", two + "[system.broker]\nnodes_on = [\"mq\", \"app\", \"app\"]\n",
         "lists \"app\" twice"},
        {"a_cluster_of_nobody", two + "[system.broker]\nnodes_on = []\n", "two nodes at least"},
        {"half_a_second_of_ticks", cluster + "net_ticktime = \"1500ms\"\n", "whole seconds only"},
        {"all_nodes_at_once",
         hit("broker.kill", "broker") +
             "[[step]]\nat = \"1s\"\nfault = \"broker.kill\"\ntarget = \"broker-2\"\nfor = \"1s\"\n",
         ""},
        {"one_node_twice",
         hit("broker.kill", "broker-2") +
             "[[step]]\nat = \"1s\"\nfault = \"broker.stop\"\ntarget = \"broker-2\"\nfor = \"1s\"\n",
         "overlaps step.0"},
        {"a_cluster_and_a_host", cluster + "host = \"mq\"\n", "'nodes_on' has the hosts of a cluster"},
        {"a_cluster_on_nobody", two + "[system.broker]\nnodes_on = [\"mq\", \"ap\"]\n", "did you mean 'app'"},
        {"a_partition_without_a_cluster", two + on_mq + "on_partition = \"ignore\"\n", "'nodes_on' has its hosts"},
        {"a_node", hit("broker.kill", "broker-2"), ""},
        {"the_first_node", hit("broker.kill", "broker"), ""},
        {"the_first_node_by_number", hit("broker.kill", "broker-1"), "is called \"broker\""},
        {"a_node_that_is_not_there", hit("broker.kill", "broker-3"), "there is no broker-3"},
        {"what_is_not_done_to_a_cluster", hit("broker.memory_alarm", "broker"), "is not done to a cluster"},
        {"a_node_without_a_cluster",
         two + on_mq + "[[step]]\nat = \"1s\"\nfault = \"broker.kill\"\ntarget = \"broker-2\"\nfor = \"1s\"\n",
         "there is one broker"},
        {"mirrors", cluster + "[workload.queue]\nmirrored = true\ndeclared_on = \"app\"\n", ""},
        {"mirrors_of_a_quorum_queue", cluster + "[workload.queue]\nmirrored = true\ntype = \"quorum\"\n",
         "has copies on other nodes anyway"},
        {"mirrors_without_a_cluster", two + on_mq + "[workload.queue]\nmirrored = true\n", "nowhere to mirror to"},
        {"declared_where_no_node_is", two + on_mq + "[workload.queue]\ndeclared_on = \"app\"\n",
         "\"app\" has no node of the broker"},
        {"a_host_that_is_called_like_a_node", "[[host]]\nname = \"broker-2\"\n[system.broker]\nhost = \"broker-2\"\n",
         "is the name of another kind of target"},
        {"a_zone", zones + down("left"), ""},
        {"a_zone_that_is_not_there", zones + down("lef"), "did you mean 'left'"},
        {"a_zone_without_parts", zones + down("right"),
         "neither the broker nor a worker is on a host in zone \"right\""},
        {"a_zone_without_zones", two + on_mq + down("left"), "no [[host]] has one"},
        {"a_zone_and_a_worker_in_it",
         zones + down("left") + "[[step]]\nat = \"1500ms\"\nfault = \"process.kill\"\ntarget = \"consumer\"\n",
         "overlaps step.0"},
        {"groups", apart("groups = \"halves\""), ""},
        {"groups_of_too_few", apart("groups = \"majorities-ring\""), "'majorities-ring' takes 4 hosts at least"},
        {"a_bridge_of_two", apart("groups = \"bridge\""), "'bridge' takes 3 hosts at least"},
        {"zones_of_nobody", apart("groups = \"zone-against-zone\""), "no two hosts are in different zones"},
        {"pairs", apart("groups = \"pairs\"\npairs = [\"app mq\"]"), ""},
        {"pairs_of_nobody", apart("groups = \"pairs\""), "'pairs' says which hosts lose each other"},
        {"a_pair_of_three", apart("groups = \"pairs\"\npairs = [\"app mq app\"]"), "does not name two hosts"},
        {"a_pair_of_one", apart("groups = \"pairs\"\npairs = [\"app app\"]"), "does not name two hosts"},
        {"pairs_in_halves", apart("groups = \"halves\"\npairs = [\"app mq\"]"), "'pairs' is for groups = \"pairs\""},
        {"groups_and_peers", apart("groups = \"halves\"\npeers = [\"mq\"]"), "so there are no 'peers'"},
        {"groups_one_way", apart("groups = \"halves\"\ndirection = \"in\""), "so there is no direction"},
        {"all_hosts_without_groups", apart(""), "does not say how they fall apart"},
        {"groups_of_one_host", cut("\"mq\"") + "groups = \"halves\"\n", "is for target = \"hosts\""},
        {"what_is_not_between_groups",
         two + on_mq + "[[step]]\nat = \"1s\"\nfault = \"network.reset\"\ntarget = \"hosts\"\n",
         "there is no host \"hosts\""},
        {"a_host_called_hosts", "[[host]]\nname = \"hosts\"\n[system.broker]\nhost = \"hosts\"\n",
         "is the name of another kind of target"},
        {"a_disk", "[system.broker]\ndisk_mib = 128\n" + fill("broker", ""), ""},
        {"everybodys_disk", fill("broker", ""), "the broker has no disk of its own"},
        {"a_folder_of_the_broker", "[system.broker]\ndisk_mib = 128\n" + fill("broker", "path = \"/var\"\n"),
         "'path' is for a host"},
        {"no_folder", fill("local", ""), "needs 'path'"},
        {"a_disk_that_is_too_small", "[system.broker]\ndisk_mib = 95\n", "'disk_mib'"},
        {"peers_that_are_hosts_or_addresses", cut("\"mq\", \"10.9.8.7\", \"fd00::1\""), ""},
        {"a_peer_that_is_nobody", cut("\"mp\""), "did you mean 'mq'"},
        {"peers_that_are_names", cut("\"db.example.com\", \"mq\""), ""},
        {"a_peer_that_is_no_name", cut("\"db_1.example.com\""), "nor a DNS name with a dot"},
        {"everybody", cut("\"any\""), ""},
        {"everybody_and_others", cut("\"any\", \"mq\""), "no others beside it"},
        {"a_limit_towards_everybody",
         two + on_mq +
             "[[step]]\nat = \"1s\"\nfault = \"network.bandwidth\"\ntarget = \"app\"\nfor = \"1s\"\n"
             "rate_mbit = 1.0\npeers = [\"any\"]\n",
         "has to know its peers"},
        {"a_limit_of_what_everybody_sends",
         two + on_mq +
             "[[step]]\nat = \"1s\"\nfault = \"network.bandwidth\"\ntarget = \"app\"\nfor = \"1s\"\n"
             "rate_mbit = 1.0\ndirection = \"in\"\npeers = [\"any\"]\n",
         ""},
        {"what_goes_to_everybody_later",
         two + on_mq +
             "[[step]]\nat = \"1s\"\nfault = \"network.latency\"\ntarget = \"app\"\nfor = \"1s\"\n"
             "delay = \"1s\"\ndirection = \"out\"\npeers = [\"any\"]\n",
         "has to know its peers"},
        {"a_host_called_any", "[[host]]\nname = \"any\"\n[system.broker]\nhost = \"any\"\n",
         "is the name of another kind of target"},
        {"a_peer_that_is_half_an_address", cut("\"10.9.8\""), "nor a DNS name with a dot"},
        {"a_resolver_that_is_a_name",
         two + on_mq +
             "[[step]]\nat = \"1s\"\nfault = \"network.dns\"\ntarget = \"app\"\nfor = \"1s\"\nnames = [\"a.b\"]\n"
             "peers = [\"ns.example.com\"]\n",
         "resolvers are hosts or addresses"},
        {"a_peer_that_is_the_target", cut("\"app\""), "is the target itself"},
        {"a_peer_that_is_a_command", cut("\"10.0.0.1; flush ruleset\""), "neither a [[host]] nor an address"},
        {"a_target_that_is_no_host",
         two + on_mq + "[[step]]\nat = \"1s\"\nfault = \"network.partition\"\ntarget = \"broker\"\nfor = \"1s\"\n",
         "there is no host \"broker\""},
        {"no_name", "[[host]]\n", "[[host]] has no 'name'"},
        {"one_name_twice", "[[host]]\nname = \"mq\"\n[[host]]\nname = \"mq\"\n" + on_mq, "there are two hosts 'mq'"},
        {"the_name_of_a_worker", "[[host]]\nname = \"consumer-1\"\n[system.broker]\nhost = \"consumer-1\"\n",
         "another kind of target"},
        {"no_place_for_the_broker", two, "on which of them the broker runs"},
        {"a_broker_elsewhere", two + "[system.broker]\nhost = \"mp\"\n", "did you mean 'mq'"},
        {"a_broker_on_a_host_without_hosts", on_mq, "declare it in [[host]]"},
        {"producers_nowhere", two + on_mq + "[workload]\nproducers_on = [\"web\"]\n", "there is no host \"web\""},
        {"a_namespace_without_an_address", "[[host]]\nname = \"mq\"\nnetns = \"blue\"\n" + on_mq, "at which 'address'"},
        {"an_address_without_a_namespace", "[[host]]\nname = \"mq\"\naddress = \"10.1.2.3\"\n" + on_mq,
         "a namespace that is made for the run gets one"},
        {"an_address_that_is_none", "[[host]]\nname = \"mq\"\nnetns = \"blue\"\naddress = \"10.1.2\"\n" + on_mq,
         "no IPv4 address"},
        {"an_address_of_loopback", "[[host]]\nname = \"mq\"\nnetns = \"blue\"\naddress = \"127.0.0.1\"\n" + on_mq,
         "no IPv4 address of a host"},
        {"two_hosts_in_one_place",
         "[[host]]\nname = \"mq\"\nnetns = \"blue\"\naddress = \"10.1.2.3\"\n[[host]]\nname = \"app\"\n"
         "netns = \"blue\"\naddress = \"10.1.2.4\"\n" +
             on_mq,
         "'mq' and 'app' are one place"},
        {"a_namespace_by_path", "[[host]]\nname = \"mq\"\nnetns = \"../blue\"\naddress = \"10.1.2.3\"\n" + on_mq,
         "'netns' is a name"},
    }),
    [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace troop::scenarios::test
