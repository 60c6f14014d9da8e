// Steps on the processes of a host: what cannot be is refused with the reason.
#include <gmock/gmock.h>

#include <ostream>

#include "tests/unit/toml/support.hpp"

namespace troop::scenarios::test {
namespace {

struct Case {
  std::string name, step;
  std::string refused;  ///< A part of the only problem's message; empty: valid.
  std::string hosts = {};
  friend void PrintTo(const Case& c, std::ostream* out) { *out << c.step; }
};

class SelectorsTest : public testing::TestWithParam<Case> {};

TEST_P(SelectorsTest, are_refused_with_the_reason_or_accepted) {
  const auto reading =
      read("name = \"x\"\naccept = [\"process.pause\", \"instance.kill\", \"service.stop\", \"fd.exhaust\"]\n" +
           GetParam().hosts + "[[step]]\nat = \"1s\"\nfor = \"2s\"\n" + GetParam().step +
           "\n[[invariant]]\nkind = \"accounting\"\n");
  const auto problems = problems_of(reading.problems);
  if (GetParam().refused.empty()) {
    EXPECT_THAT(problems, testing::IsEmpty());
  } else {
    EXPECT_THAT(problems, testing::ElementsAre(testing::HasSubstr(GetParam().refused)));
  }
}

const std::string pause = "fault = \"process.pause\"\n";
const std::string local = pause + "target = \"local\"\n";
const std::string burn = "target = \"local\"\n";
const std::string stop = "fault = \"service.stop\"\n" + burn;
const std::string worker = pause + "target = \"consumer-1\"\n";
const std::string cut = "fault = \"network.partition\"\ntarget = \"app\"\n";
const std::string hosts = "[[host]]\nname = \"mq\"\n[[host]]\nname = \"app\"\n[system.broker]\nhost = \"mq\"\n";

INSTANTIATE_TEST_SUITE_P(
    , SelectorsTest,
    testing::ValuesIn(std::vector<Case>{
        {"a_name", local + "name = \"nginx\"", ""},
        {"a_command_line", local + "command_line = \"*nginx: worker*\"", ""},
        {"a_pid_file", local + "pid_file = \"/run/nginx.pid\"", ""},
        {"a_port", local + "port = 80", ""},
        {"a_cgroup", local + "cgroup = \"/system.slice/nginx.service\"", ""},
        {"a_unit", local + "unit = \"nginx.service\"", ""},
        {"an_instance", local + "unit = \"getty@tty1.service\"", ""},
        {"a_slice", local + "unit = \"user-1000.slice\"", ""},
        {"a_unit_without_its_kind", local + "unit = \"nginx\"", "no whole name of a unit"},
        {"a_unit_without_processes", local + "unit = \"reboot.target\"", "no whole name of a unit"},
        {"a_template", local + "unit = \"getty@.service\"", "no whole name of a unit"},
        {"a_unit_with_a_path", local + "unit = \"system.slice/nginx.service\"", "no whole name of a unit"},
        {"a_unit_and_a_cgroup", local + "unit = \"a.service\"\ncgroup = \"/a\"", "'cgroup' and 'unit' both say"},
        {"a_container", local + "container = \"mq\"", ""},
        {"some_of_them", local + "name = \"nginx\"\npercent = 50\nkeep_at_least = 1", ""},
        {"a_host", pause + "target = \"app\"\nname = \"nginx\"", "", hosts},
        {"nothing_selected", local, "does not say which processes: one of name, command_line, pid_file, port"},
        {"nothing_selected_on_a_host", pause + "target = \"app\"\ncount = 1", "does not say which processes", hosts},
        {"two_ways", local + "name = \"nginx\"\nport = 80", "'name' and 'port' both say which processes"},
        {"two_amounts", local + "name = \"nginx\"\ncount = 1\npercent = 5.0", "'count' and 'percent' both"},
        {"a_selector_on_a_worker", worker + "name = \"nginx\"", "'consumer-1' is one process"},
        {"a_count_on_a_worker", worker + "count = 1", "'count' chooses among the processes of a host"},
        {"a_name_with_a_folder", local + "name = \"/usr/sbin/nginx\"", "without folders"},
        {"every_command_line", local + "command_line = \"*\"", "matches every process"},
        {"too_many_stars", local + "command_line = \"a*b*c*d*e*f*g*h*i*j\"", "more than 8 stars"},
        {"a_relative_pid_file", local + "pid_file = \"nginx.pid\"", "no absolute path"},
        {"every_cgroup", local + "cgroup = \"/\"", "no path below the root"},
        {"a_container_with_a_path", local + "container = \"../x\"", "no name or id of a container"},
        {"a_count_of_none", local + "name = \"nginx\"\ncount = 0", "out of range"},
        {"local_beside_hosts", local + "name = \"nginx\"", "with [[host]], name one of them", hosts},
        {"a_number_of_local", pause + "target = \"local-1\"\nname = \"nginx\"", "there is one machine"},
        {"the_word_host", pause + "target = \"host\"\nname = \"nginx\"", "cannot act on \"host\""},
        {"no_such_host", pause + "target = \"apq\"\nname = \"nginx\"", "did you mean 'app'", hosts},
        {"a_service", stop + "unit = \"nginx.service\"", ""},
        {"a_stopped_container", stop + "container = \"mq\"", ""},
        {"no_service", stop, "does not say which: 'container' or 'unit'"},
        {"two_services", stop + "container = \"mq\"\nunit = \"a.service\"", "'container' and 'unit' both say which"},
        {"a_service_without_its_kind", stop + "unit = \"nginx\"", "no whole name of a service"},
        {"no_service_but_a_slice", stop + "unit = \"user.slice\"", "no whole name of a service"},
        {"an_option", stop + "unit = \"-H.service\"", "no whole name of a service"},
        {"a_pattern", stop + "unit = \"*.service\"", "no whole name of a service"},
        {"the_way_into_the_host", stop + "unit = \"ssh.service\"", "ssh.service is never stopped"},
        {"a_part_of_systemd", stop + "unit = \"systemd-journald.service\"", "is never stopped"},
        {"a_stopped_container_with_a_path", stop + "container = \"../x\"", "no name or id of a container"},
        {"so_much_memory", burn + "fault = \"memory.fill\"\nmib = 64", ""},
        {"a_share_of_the_disk", burn + "fault = \"disk.fill\"\npath = \"/srv\"\npercent = 50.0", ""},
        {"no_amount", burn + "fault = \"memory.fill\"", "does not say how much: 'mib' or 'percent'"},
        {"two_shares", burn + "fault = \"memory.fill\"\nmib = 64\npercent = 5.0", "both say how much"},
        {"a_relative_path", burn + "fault = \"io.burn\"\npath = \"srv\"", "no absolute path"},
        {"memory_of_a_worker", "target = \"consumer-1\"\nfault = \"memory.fill\"\nmib = 64", "cannot act on"},
        {"traffic_of_a_cgroup", cut + "cgroup = \"/system.slice/shop@1.service\"", "", hosts},
        {"traffic_of_a_worker", "fault = \"network.partition\"\ntarget = \"producer-1\"", ""},
        {"traffic_of_a_worker_among_hosts", "fault = \"network.loss\"\ntarget = \"consumer\"\npercent = 5", "", hosts},
        {"traffic_of_no_worker", "fault = \"network.partition\"\ntarget = \"producer-9\"", "there is no producer-9"},
        {"traffic_of_a_worker_and_a_cgroup", "fault = \"network.reject\"\ntarget = \"producer-1\"\ncgroup = \"/a\"",
         "'cgroup' is for a host; 'producer-1' has one of its own"},
        {"traffic_of_a_worker_between_groups",
         "fault = \"network.partition\"\ntarget = \"producer-1\"\ngroups = \"halves\"", "'groups' is for target"},
        {"bandwidth_of_a_worker", "fault = \"network.bandwidth\"\ntarget = \"producer-1\"\nrate_mbit = 1",
         "acts on a host"},
        {"traffic_of_every_cgroup", cut + "cgroup = \"/\"", "no path below the root of the unified hierarchy", hosts},
        {"traffic_of_a_relative_cgroup", cut + "cgroup = \"a/b\"", "no path below the root", hosts},
        {"traffic_of_a_cgroup_elsewhere", cut + "cgroup = \"/a/../b\"", "no path below the root", hosts},
        {"traffic_of_metacharacters", cut + "cgroup = '/a\" drop'", "no path below the root", hosts},
        {"traffic_of_a_cgroup_between_groups",
         "fault = \"network.loss\"\ntarget = \"hosts\"\npercent = 5\ngroups = \"halves\"\ncgroup = \"/a\"",
         "'cgroup' is of one host's processes", hosts},
        {"metacharacters", local + "name = \"; rm -rf $(x) `y` | z\"", ""},
    }),
    [](const auto& each) { return each.param.name; });

TEST(StepsOnHosts, may_be_in_force_at_once_on_one_host) {
  const std::string step = "[[step]]\nat = \"1s\"\nfor = \"2s\"\n" + local;
  const auto reading = read("name = \"x\"\naccept = [\"process.pause\"]\n" + step + "name = \"a\"\n" + step +
                            "name = \"b\"\n[[invariant]]\nkind = \"accounting\"\n");
  EXPECT_THAT(problems_of(reading.problems), testing::IsEmpty());
}

TEST(StepsOnHosts, that_outlive_a_killed_agent_are_accepted_by_name) {
  const auto problems = [](const std::string& accept, const std::string& target) {
    return problems_of(read("name = \"x\"\n" + accept + "[[step]]\nat = \"1s\"\nfor = \"2s\"\n" + target +
                            "\n[[invariant]]\nkind = \"accounting\"\n")
                           .problems);
  };
  const std::string nginx = local + "name = \"nginx\"", burning = burn + "fault = \"cpu.burn\"";
  EXPECT_THAT(problems("", nginx), testing::ElementsAre(testing::HasSubstr("accept = [\"process.pause\"]")));
  EXPECT_THAT(problems("accept = [\"fd.exhaust\"]\n", nginx), testing::SizeIs(1));
  EXPECT_THAT(problems("accept = [\"process.pause\"]\n", nginx), testing::IsEmpty());
  EXPECT_THAT(problems("", worker), testing::IsEmpty()) << "a worker ends with its agent";
  EXPECT_THAT(problems("", burning), testing::IsEmpty()) << "its children end with the agent";
  EXPECT_THAT(problems("accept = [\"cpu.burn\"]\n", burning),
              testing::ElementsAre(testing::HasSubstr("'cpu.burn' is no fault that outlives its agent")));
}

}  // namespace
}  // namespace troop::scenarios::test
