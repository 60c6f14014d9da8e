// Which processes are chosen, and which never, from tables that no host ever had.
#include "agents/host/process_selector.hpp"

#include <gmock/gmock.h>

namespace troop::agents {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using By = Selector::By;

ProcessRow row(pid_t pid, pid_t parent, std::string name) {
  ProcessRow one;
  one.identity = {pid, static_cast<std::uint64_t>(1000 + pid)};
  one.parent = parent;
  one.command = name.substr(0, 15);
  one.program = name;
  one.command_line = "/usr/bin/" + name + " --number " + std::to_string(pid);
  one.executable = "1:" + name;
  one.network = "net:[1]";
  one.groups = {"/system.slice/" + name + ".service"};
  return one;
}

/// init, sshd with a session, a shell in it, `troop` with its agent and a worker of it; then others.
std::vector<ProcessRow> host() {
  std::vector<ProcessRow> table{row(1, 0, "systemd"),        row(2, 0, "kthreadd"),   row(10, 1, "sshd"),
                                row(11, 10, "sshd-session"), row(12, 11, "bash"),     row(13, 12, "troop"),
                                row(14, 13, "troop-agent"),  row(15, 14, "beam.smp"), row(16, 15, "erl_child_setup"),
                                row(17, 1, "troop-agent"),   row(20, 1, "nginx"),     row(21, 20, "nginx"),
                                row(22, 20, "nginx"),        row(23, 20, "nginx"),    row(30, 1, "postgres"),
                                row(40, 1, "beam.smp"),      row(50, 1, "bash")};
  table[1].is_kernel = true;
  return table;
}
constexpr pid_t agent = 14;

Selector by(By how, const std::string& text) {
  Selector selector;
  selector.by = how;
  selector.text = text;
  selector.written = "what is wanted";
  return selector;
}

std::vector<pid_t> pids(const std::vector<ProcessRow>& rows) {
  std::vector<pid_t> out;
  for (const auto& each : rows) out.push_back(each.identity.pid);
  return out;
}

std::vector<pid_t> matches(const Selector& selector, const std::vector<ProcessRow>& table = host()) {
  return pids(matching(table, selector, {agent}));
}

Result<std::vector<pid_t>> chosen(const Selector& selector, const Protected& never = {agent}, std::uint64_t seed = 7) {
  auto rows = choose(host(), selector, never, Random{seed});
  if (rows.has_error()) return std::move(rows).error();
  return pids(rows.value());
}

void expect_refused(const Selector& selector, const std::string& why, const Protected& never = {agent}) {
  const auto answer = chosen(selector, never);
  ASSERT_TRUE(answer.has_error()) << why;
  EXPECT_EQ(answer.error().kind, ErrorKind::usage);
  EXPECT_THAT(answer.error().context, HasSubstr(why));
}

TEST(ProcessSelectorTest, MatchesNamesExactly) {
  EXPECT_THAT(matches(by(By::name, "nginx")), ElementsAre(20, 21, 22, 23));
  EXPECT_THAT(matches(by(By::name, "ngin")), IsEmpty());
  EXPECT_THAT(matches(by(By::name, "ngin*")), IsEmpty());
  auto table = host();
  table.push_back(row(60, 1, "a-name-that-is-cut-short"));
  EXPECT_THAT(matches(by(By::name, "a-name-that-is-cut-short"), table), ElementsAre(60));
  EXPECT_THAT(matches(by(By::name, "a-name-that-is-"), table), ElementsAre(60)) << "as /proc/PID/comm has it";
}

TEST(ProcessSelectorTest, MatchesCommandLinesExactlyOrByPattern) {
  EXPECT_THAT(matches(by(By::command_line, "/usr/bin/nginx --number 21")), ElementsAre(21));
  EXPECT_THAT(matches(by(By::command_line, "*nginx*2[12]")), ElementsAre(21, 22));
  EXPECT_THAT(matches(by(By::command_line, "nginx")), IsEmpty()) << "a part is no match";
  auto table = host();
  table.push_back(row(60, 1, "odd"));
  table.back().command_line = "odd [a]; rm -rf $(x)";
  EXPECT_THAT(matches(by(By::command_line, "odd [a]; rm -rf $(x)"), table), ElementsAre(60));
}

TEST(ProcessSelectorTest, MatchesControlGroupsAndWhatIsBelowThem) {
  EXPECT_THAT(matches(by(By::cgroup, "/system.slice/nginx.service")), SizeIs(4));
  EXPECT_THAT(matches(by(By::cgroup, "/system.slice/nginx")), IsEmpty());
  auto table = host();
  table.push_back(row(60, 1, "helper"));
  table.back().groups = {"/system.slice/nginx.service/helper"};
  EXPECT_THAT(matches(by(By::cgroup, "/system.slice/nginx.service"), table), SizeIs(5));
}

TEST(ProcessSelectorTest, MatchesUnitsByTheirNameInThePathOfTheGroup) {
  EXPECT_THAT(matches(by(By::unit, "nginx.service")), SizeIs(4));
  for (const char* part : {"nginx", "nginx.serv", "inx.service", "", "/", "system.slice/nginx.service"}) {
    EXPECT_THAT(matches(by(By::unit, part)), IsEmpty()) << part;
  }
  auto table = host();
  table.push_back(row(60, 1, "helper"));
  table.back().groups = {"/", "/system.slice/nginx.service/helper"};
  EXPECT_THAT(matches(by(By::unit, "nginx.service"), table), SizeIs(5)) << "what it made below";
  table.push_back(row(61, 1, "agetty"));
  table.back().groups = {"/system.slice/system-getty.slice/getty@tty1.service"};
  table.push_back(row(62, 1, "agetty"));
  table.back().groups = {"/system.slice/system-getty.slice/getty@tty2.service"};
  EXPECT_THAT(matches(by(By::unit, "getty@tty1.service"), table), ElementsAre(61)) << "an instance";
  EXPECT_THAT(matches(by(By::unit, "getty@.service"), table), IsEmpty()) << "a template is no unit";
  EXPECT_THAT(matches(by(By::unit, "system-getty.slice"), table), ElementsAre(61, 62)) << "a slice";
  expect_refused(by(By::unit, "ssh.service"), "no process matches");
}

TEST(ProcessSelectorTest, MatchesContainersSocketsAndPids) {
  auto table = host();
  table[13].groups = {"/docker/0123456789abcdef"};
  EXPECT_THAT(matches(by(By::container, "0123456789abcdef"), table), ElementsAre(23));
  table[12].sockets = {"777"};
  Selector port = by(By::port, "");
  port.sockets = {"777", "778"};
  EXPECT_THAT(matches(port, table), ElementsAre(22));
  Selector pid = by(By::pid, "");
  pid.pid = 30;
  EXPECT_THAT(matches(pid), ElementsAre(30));
}

TEST(ProcessSelectorTest, OffersNothingOfTroopAndNoThreadOfTheKernel) {
  EXPECT_THAT(matches(by(By::name, "beam.smp")), ElementsAre(40)) << "15 is a part of the run";
  EXPECT_THAT(matches(by(By::name, "erl_child_setup")), IsEmpty());
  EXPECT_THAT(matches(by(By::name, "troop-agent")), IsEmpty()) << "the agent, its guardian, another agent";
  EXPECT_THAT(matches(by(By::name, "kthreadd")), IsEmpty());
  expect_refused(by(By::name, "troop-agent"), "no process matches what is wanted");
}

TEST(ProcessSelectorTest, SeesOnlyTheHostsOwnNetwork) {
  auto table = host();
  table[11].network = "net:[2]";
  Selector selector = by(By::name, "nginx");
  selector.network = "net:[2]";
  EXPECT_THAT(matches(selector, table), ElementsAre(21));
}

TEST(ProcessSelectorTest, RefusesWhereOneThatMatchesIsProtected) {
  expect_refused(by(By::name, "systemd"), "pid 1 (systemd), which is protected: it is the first process");
  expect_refused(by(By::name, "sshd"), "pid 10 (sshd), which is protected");
  expect_refused(by(By::name, "sshd-session"), "pid 11 (sshd-session), which is protected");
  expect_refused(by(By::name, "troop"), "pid 13 (troop), which is protected: the agent was started by it");
  expect_refused(by(By::name, "bash"), "pid 12 (bash), which is protected");
  expect_refused(by(By::command_line, "*"), "pid 1 (systemd), which is protected");
  Selector all = by(By::cgroup, "/system.slice");
  all.percent = 1;
  expect_refused(all, "which is protected");
}

/// The agent of a service was not started by its controller.
TEST(ProcessSelectorTest, RefusesTheControllerOfAServiceAndWhoeverStartedIt) {
  const Protected never{.self = 17, .controller = 13};
  expect_refused(by(By::name, "troop"), "pid 13 (troop), which is protected: it is the agent's controller", never);
  expect_refused(by(By::name, "bash"), "pid 12 (bash), which is protected: it is the agent's controller", never);
  EXPECT_TRUE(chosen(by(By::name, "bash"), Protected{.self = 17})) << "nobody's controller";
}

TEST(ProcessSelectorTest, RefusesAGroupThatSomebodyProtectedIsIn) {
  const auto why_not = [](const std::set<pid_t>& pids) {
    const auto refused = none_is_protected(host(), pids, "cgroup \"/shop\"", Protected{agent, {"redis"}});
    return refused.has_error() ? refused.error().context : std::string{};
  };
  EXPECT_EQ(why_not({20, 21}), "");
  EXPECT_EQ(why_not({20, 1}),
            "cgroup \"/shop\" matches pid 1 (systemd), which is protected: it is the first process of "
            "this host");
  EXPECT_THAT(why_not({12}), HasSubstr("the agent was started by it"));
  EXPECT_THAT(why_not({agent}), HasSubstr("it is an agent of Troop, or was started by one"));
}

TEST(ProcessSelectorTest, RefusesWhatThePolicyProtects) {
  const Protected never{agent, {"postgres", "redis"}, "'protected_processes' of policy file p"};
  expect_refused(by(By::name, "postgres"),
                 "pid 30 (postgres), which is protected: 'protected_processes' of policy file p has \"postgres\"",
                 never);
  EXPECT_TRUE(chosen(by(By::name, "nginx"), never));
}

TEST(ProcessSelectorTest, RefusesWithTheNumbersWhereThereAreTooFew) {
  expect_refused(by(By::name, "apache"), "no process matches what is wanted");
  Selector many = by(By::name, "nginx");
  many.count = 5;
  expect_refused(many, "4 processes match what is wanted: too few to hit 5 and keep at least 0");
  many.count = 3;
  many.keep_at_least = 2;
  expect_refused(many, "4 processes match what is wanted: too few to hit 3 and keep at least 2");
  many.keep_at_least = 1;
  EXPECT_THAT(chosen(many).value(), SizeIs(3));
  many.count.reset();
  many.percent = 76;
  expect_refused(many, "too few to hit 4 and keep at least 1");
}

TEST(ProcessSelectorTest, TakesOneAPercentageRoundedUpOrACount) {
  Selector selector = by(By::name, "nginx");
  EXPECT_THAT(chosen(selector).value(), SizeIs(1));
  for (const auto& [percent, wanted] :
       {std::pair{0.01, 1U}, {25.0, 1U}, {26.0, 2U}, {50.0, 2U}, {75.0, 3U}, {100.0, 4U}}) {
    selector.percent = percent;
    EXPECT_THAT(chosen(selector).value(), SizeIs(wanted)) << percent;
  }
  selector.percent.reset();
  selector.count = 4;
  EXPECT_THAT(chosen(selector).value(), ElementsAre(20, 21, 22, 23));
}

TEST(ProcessSelectorTest, ChoosesByTheSeedAndEachEquallyOften) {
  std::map<pid_t, int> hits;
  for (std::uint64_t seed = 0; seed < 4000; ++seed) {
    const auto once = chosen(by(By::name, "nginx"), {agent}, seed).value();
    EXPECT_EQ(once, chosen(by(By::name, "nginx"), {agent}, seed).value());
    ++hits[once.front()];
  }
  ASSERT_THAT(hits, SizeIs(4));
  for (const auto& [pid, count] : hits) EXPECT_NEAR(count, 1000, 150) << pid;
  // The order in which /proc lists them is no part of the choice.
  auto table = host();
  std::reverse(table.begin(), table.end());
  EXPECT_EQ(pids(choose(table, by(By::name, "nginx"), {agent}, Random{3}).value()),
            chosen(by(By::name, "nginx"), {agent}, 3).value());
}

TEST(ProcessSelectorTest, EndsWhereParentsGoInACircle) {
  std::vector<ProcessRow> table{row(5, 6, "a"), row(6, 5, "b"), row(7, 1, "c")};
  EXPECT_TRUE(choose(table, by(By::name, "c"), {5}, Random{1}));
}

}  // namespace
}  // namespace troop::agents
