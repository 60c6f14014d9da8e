// Runs on several hosts, with an agent on each: what happens when one of them goes, and what is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <ifaddrs.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <set>
#include <sstream>
#include <thread>

#include "agents/host/namespaces.hpp"
#include "common/clock.hpp"
#include "tests/support/private_network.hpp"
#include "tests/support/troop_test.hpp"

namespace troop::test {
namespace {

using testing::HasSubstr;

class HostsRunTest : public TroopTest<testing::Test> {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "hosts are network namespaces, which need root";
  }
  /// Producers are cut off for longer than any test lasts.
  [[nodiscard]] std::vector<std::string> long_cut() const {
    return run_arguments("network/partition-producers", {"duration=61s", "step.0.for=58s"});
  }
  /// The agent of the producers' host: the one that was moved. -1 if there is none.
  [[nodiscard]] pid_t agent_of_host() const {
    for (const pid_t pid : world_.agents()) {
      if (slurp("/proc/" + std::to_string(pid) + "/cmdline").find("--netns") != std::string::npos) return pid;
    }
    return -1;
  }
  /// A process in each network of a host's.
  [[nodiscard]] std::vector<pid_t> in_networks_of_hosts() const {
    std::set<std::string> seen{fs::read_symlink("/proc/self/ns/net")};
    std::vector<pid_t> found;
    for (const pid_t pid : world_.called("troop-agent")) {
      std::error_code gone;
      const auto network = fs::read_symlink("/proc/" + std::to_string(pid) + "/ns/net", gone);
      if (!gone && seen.insert(network).second) found.push_back(pid);
    }
    return found;
  }
};

/// A socket in the network of a process, at its first address that is not loopback's.
std::unique_ptr<Datagrams> datagrams_within(pid_t pid, std::uint16_t port) {
  std::unique_ptr<Datagrams> made;
  std::thread{[&] {
    const UniqueFd network{open(("/proc/" + std::to_string(pid) + "/ns/net").c_str(), O_RDONLY | O_CLOEXEC)};
    if (agents::enter(network.get()).has_error()) return;
    ifaddrs* first = nullptr;
    if (getifaddrs(&first) != 0) return;
    for (const auto* each = first; each != nullptr && !made; each = each->ifa_next) {
      if (each->ifa_addr == nullptr || each->ifa_addr->sa_family != AF_INET || (each->ifa_flags & IFF_LOOPBACK) != 0)
        continue;
      std::array<char, INET_ADDRSTRLEN> text{};
      inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(each->ifa_addr)->sin_addr, text.data(), text.size());
      made = std::make_unique<Datagrams>(text.data(), port);
    }
    freeifaddrs(first);
  }}.join();
  return made;
}

/// Everybody is cut off from the host of this agent, its controller and the other agent too. It hears them
/// nevertheless, and so does ssh.
TEST_F(HostsRunTest, IsUndoneOnAHostThatIsCutOffFromEverything) {
  TroopCommand troop{world_, run_arguments("network/partition-producers", {R"(step.0.peers=["any"])"})};
  ASSERT_TRUE(troop.says("network.partition on app", 60s)) << everything(troop);
  const auto agents = in_networks_of_hosts();
  ASSERT_EQ(agents.size(), 2U);
  const auto ssh = datagrams_within(agents[0], 22), ssh_there = datagrams_within(agents[1], 22);
  const auto any = datagrams_within(agents[0], 7777), any_there = datagrams_within(agents[1], 7777);
  ASSERT_TRUE(ssh && ssh_there && any && any_there);
  const auto hear_each_other = [](const Datagrams& one, const Datagrams& other, int patience_ms) {
    one.send(other);
    other.send(one);
    return other.receive(patience_ms) && one.receive(patience_ms);
  };
  // In force a moment after it is announced; a busy machine may miss one by itself.
  int missed = 0;
  for (const std::int64_t deadline = monotonic_ns() + Duration{2s}.count(); missed < 3 && monotonic_ns() < deadline;) {
    missed = hear_each_other(*any, *any_there, 50) ? 0 : missed + 1;
  }
  EXPECT_EQ(missed, 3);
  EXPECT_TRUE(hear_each_other(*ssh, *ssh_there, 5'000));
  EXPECT_EQ(troop.exit_code(90s), 0) << everything(troop);
  const auto document = run_json(world_);
  EXPECT_THAT(std::string{document.at("faults").at(0).at("proof").as_string()}, HasSubstr("exempt: port 22"));
  expect_nothing_left();
}

struct Loss {
  const char* name;
  int signal;
  friend void PrintTo(const Loss& c, std::ostream* out) { *out << "signal " << c.signal; }
};

class LostHostTest : public HostsRunTest, public testing::WithParamInterface<Loss> {};

TEST_P(LostHostTest, MakesTheRunInconclusiveAndLeavesNothing) {
  TroopCommand troop{world_, long_cut()};
  ASSERT_TRUE(troop.says("network.partition on app", 60s)) << everything(troop);
  const pid_t agent = agent_of_host();
  ASSERT_GT(agent, 1);
  kill(agent, GetParam().signal);
  EXPECT_EQ(troop.exit_code(60s), 3) << everything(troop);
  EXPECT_EQ(run_json(world_).at("ended_by").as_string(), "agent-lost");
  expect_nothing_left();
}

INSTANTIATE_TEST_SUITE_P(, LostHostTest,
                         testing::ValuesIn(std::vector<Loss>{{"agent_killed", SIGKILL}, {"agent_hung", SIGSTOP}}),
                         [](const auto& each) { return std::string{each.param.name}; });

TEST_F(HostsRunTest, LeavesNothingWhenTheControllerIsKilled) {
  TroopCommand troop{world_, long_cut()};
  ASSERT_TRUE(troop.says("network.partition on app", 60s)) << everything(troop);
  ASSERT_GT(agent_of_host(), 1);
  troop.signal(SIGKILL);
  EXPECT_EQ(troop.exit_code(5s), 137);
  expect_nothing_left(21s);
}

/// Each process says that its times are the run's.
void expect_clocks(const std::string& history) {
  std::istringstream lines{history};
  std::set<std::string> known, seen;
  for (std::string line; std::getline(lines, line);) {
    const auto event = boost::json::parse(line).as_object();
    const bool is_clock = event.at("f").as_string() == "clock";
    (is_clock ? known : seen).insert(std::string{event.at("process").as_string()});
    if (!is_clock) continue;
    EXPECT_EQ(event.at("offset").as_int64(), 0) << line;
    EXPECT_EQ(event.at("bound").as_int64(), 0) << line;
    EXPECT_EQ(event.at("source").as_string(), clock_source()) << line;
  }
  EXPECT_THAT(known, testing::IsSupersetOf({"controller", "agent-mq", "agent-app", "producer-1", "consumer-1"}));
  EXPECT_THAT(known, testing::IsSupersetOf(seen));
}

TEST_F(HostsRunTest, IsUndoneWhenItIsInterrupted) {
  TroopCommand troop{world_, long_cut()};
  ASSERT_TRUE(troop.says("network.partition on app", 60s)) << everything(troop);
  troop.signal(SIGINT);
  EXPECT_EQ(troop.exit_code(30s), 130) << everything(troop);
  const std::string history = slurp(world_.run_directory() / "history.ndjson");
  expect_clocks(history);
  expect_nothing_left();
}

TEST_F(HostsRunTest, IsUndoneAndProvenSoThoughItsEffectIsStillWaitedFor) {
  auto arguments = long_cut();
  arguments.insert(arguments.end(), {"--set", "step.0.port=9"});  // nobody talks there
  TroopCommand troop{world_, arguments};
  ASSERT_TRUE(troop.says("network.partition on app", 60s)) << everything(troop);
  troop.signal(SIGINT);
  EXPECT_EQ(troop.exit_code(30s), 130) << everything(troop);
  const std::string history = slurp(world_.run_directory() / "history.ndjson");
  EXPECT_THAT(history, HasSubstr("undone before it was proven"));
  expect_nothing_left();
}

TEST_F(HostsRunTest, IsInconclusiveWhereTheFaultMeetsNoPacket) {
  TroopCommand troop{world_, run_arguments("network/partition-producers", {"step.0.port=9"})};
  EXPECT_EQ(troop.exit_code(90s), 3) << everything(troop);
  const auto document = run_json(world_);
  EXPECT_EQ(document.at("faults").at(0).at("outcome").as_string(), "not proven");
  EXPECT_EQ(judgement(document, "exercised").at("outcome").as_string(), "unknown");
  expect_nothing_left();
}

/// Sabotage: nobody talks on that port, at that address, in that family; the rate is never reached.
TEST_F(HostsRunTest, ProvesNoFaultThatMeetsNothing) {
  const fs::path file = world_.root() / "scenario.toml";
  const std::string library = TROOP_SOURCE_DIR "/scenarios/library/network/partition-producers.toml";
  const std::vector<std::string> steps{
      "fault = \"network.latency\"\ndelay = \"5ms\"\npeers = [\"mq\"]\nport = 9",
      "fault = \"network.loss\"\npercent = 100.0\npeers = [\"10.99.98.97\"]",
      "fault = \"network.duplicate\"\npercent = 50.0\npeers = [\"mq\"]\nport = 9",
      "fault = \"network.reorder\"\npercent = 50.0\ndelay = \"5ms\"\npeers = [\"fd99::1\"]",
      "fault = \"network.corrupt\"\npercent = 50.0\npeers = [\"mq\"]\nprotocol = \"udp\"",
      "fault = \"network.reject\"\npeers = [\"mq\"]\nport = 9",
      "fault = \"network.blackhole\"\npeers = [\"mq\"]\nport = 9",
      "fault = \"network.bandwidth\"\nrate_mbit = 100000.0\npeers = [\"mq\"]",
      "fault = \"network.dns\"\nnames = [\"*.test\"]\npeers = [\"mq\"]"};
  std::ofstream out{file};
  out << slurp(library);
  for (const auto& step : steps) out << "\n[[step]]\nat = \"1s\"\ntarget = \"app\"\nfor = \"2s\"\n" << step << "\n";
  out.close();
  TroopCommand troop{world_, run_arguments(file.string(), {"step.0.port=9"})};
  EXPECT_EQ(troop.exit_code(120s), 3) << everything(troop);
  const auto document = run_json(world_);
  const auto& faults = document.at("faults").as_array();
  EXPECT_EQ(faults.size(), steps.size() + 1);
  for (const auto& fault : faults) {
    EXPECT_EQ(fault.at("outcome").as_string(), "not proven") << fault.at("name");
    EXPECT_TRUE(fault.at("restored_ns").is_int64()) << fault.at("name") << ": it is undone all the same";
  }
  expect_nothing_left();
}

TEST_F(HostsRunTest, IsRehearsedWithoutStartingAnything) {
  auto rehearsal = run_arguments("network/partition-producers");
  rehearsal.emplace_back("--dry-run");
  TroopCommand troop{world_, rehearsal};
  EXPECT_EQ(troop.exit_code(30s), 0) << everything(troop);
  expect_nothing_left();
}

TEST_F(HostsRunTest, RefusesANamespaceThatDoesNotExist) {
  const std::vector<std::string> sets{"host.0.netns=troop-no-such", "host.0.address=10.1.2.3",
                                      "host.1.netns=troop-no-more", "host.1.address=10.1.2.4"};
  TroopCommand troop{world_, run_arguments("network/partition-producers", sets)};
  EXPECT_EQ(troop.exit_code(30s), 2) << everything(troop);
  EXPECT_THAT(troop.errors(), HasSubstr("troop-no-such"));
  expect_nothing_left();
}

}  // namespace
}  // namespace troop::test
