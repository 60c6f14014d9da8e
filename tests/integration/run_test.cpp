// The main job on a real RabbitMQ: the library's scenarios, and all that can go wrong while one runs. After each,
// nothing may be left but the run directory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/mount.h>
#include <sys/socket.h>

#include <sstream>

#include "tests/support/troop_test.hpp"

namespace troop::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr Duration run_max = 150s;

class RunTest : public TroopTest<testing::Test> {
 protected:
  /// The shortest form of broker/stop in which everything still happens.
  std::vector<std::string> quick_stop(std::vector<std::string> more = {}) {
    std::vector<std::string> sets{
        "duration=4s",        "step.0.at=1s",          "step.0.for=1s", "workload.publish.retry.max=1s",
        "workload.rate=1000", "invariant.3.within=30s"};  // how fast is not what these tests ask
    sets.insert(sets.end(), more.begin(), more.end());
    return run_arguments("broker/stop", sets);
  }
};

TEST_F(RunTest, FailsWhenTransientMessagesAreLostAndNobodyExpectedIt) {
  TroopCommand troop{world_, run_arguments("broker/kill-transient", {"invariant.0.expect=[]", "invariant.1.expect=[]",
                                                                     "duration=7s", "step.0.at=3s"})};
  EXPECT_EQ(troop.exit_code(run_max), 1) << everything(troop);
  const auto document = run_json(world_);
  EXPECT_EQ(document.at("verdict").as_string(), "fail");
  const auto& delivery = judgement(document, "delivery");
  EXPECT_EQ(delivery.at("outcome").as_string(), "violated");
  const auto& first = delivery.at("anomalies").at(0);
  EXPECT_EQ(first.at("kind").as_string(), "lost");
  EXPECT_EQ(boost::json::serialize(first.at("during")), R"(["broker.kill"])");
  expect_nothing_left();
}

TEST_F(RunTest, FailsWhenAnExpectedLossDoesNotShow) {
  TroopCommand troop{world_, quick_stop({"invariant.0.expect=[\"lost\"]"})};
  EXPECT_EQ(troop.exit_code(run_max), 1) << everything(troop);
  EXPECT_THAT(troop.output(), HasSubstr("expected"));
  expect_nothing_left();
}

TEST_F(RunTest, PausesAndKillsWorkersAndStartsThemAgain) {
  const fs::path file = world_.root() / "workers.toml";
  std::string text = slurp(TROOP_SOURCE_DIR "/scenarios/library/broker/stop.toml");
  const auto step = text.find("[[step]]");
  const auto invariants = text.find("[[invariant]]");
  text.replace(step, invariants - step, R"(
[[step]]
at = "1s"
fault = "process.kill"
target = "producer-1"
for = "500ms"

[[step]]
at = "2s"
fault = "process.pause"
target = "consumer-2"
for = "500ms"
)");
  std::ofstream{file} << text;
  TroopCommand troop{world_, run_arguments(file.string(), {"duration=4s", "invariant.3.windows=2"})};
  EXPECT_EQ(troop.exit_code(run_max), 0) << everything(troop);
  const auto document = run_json(world_);
  for (const auto& fault : document.at("faults").as_array()) {
    EXPECT_EQ(fault.at("outcome").as_string(), "proven") << boost::json::serialize(fault);
    EXPECT_TRUE(fault.as_object().contains("restored_ns")) << boost::json::serialize(fault);
  }
  // The killed producer's publishes without an answer are unknown; it went on with numbers never used before.
  EXPECT_EQ(count_of(document, "delivery", "duplicated"), 0);
  EXPECT_EQ(count_of(document, "delivery", "unexpected"), 0);
  expect_nothing_left();
}

struct InterruptCase {
  const char* name;
  const char* when;  ///< What the progress says at that moment.
  int signal;
  int exit_code;
  friend void PrintTo(const InterruptCase& c, std::ostream* out) {
    *out << "signal " << c.signal << " at '" << c.when << "'";
  }
};

class InterruptTest : public RunTest, public testing::WithParamInterface<InterruptCase> {};

TEST_P(InterruptTest, UndoesEverythingAndStillReports) {
  const auto& at = GetParam();
  TroopCommand troop{world_, quick_stop({"duration=6s", "step.0.for=3s"})};
  ASSERT_TRUE(troop.says(at.when, 60s)) << everything(troop);
  troop.signal(at.signal);
  EXPECT_EQ(troop.exit_code(30s), at.exit_code) << everything(troop);
  expect_nothing_left();
  if (std::string_view{at.when} != "prepare") {
    EXPECT_THAT(slurp(world_.run_directory() / "report.html"), HasSubstr("<html"));
    EXPECT_THAT(run_json(world_).at("ended_by").as_string().c_str(),
                HasSubstr("SIG" + std::string{sigabbrev_np(at.signal)}));
    EXPECT_NE(run_json(world_).at("verdict").as_string(), "pass");
  }
}

INSTANTIATE_TEST_SUITE_P(Moments, InterruptTest,
                         testing::ValuesIn(std::vector<InterruptCase>{
                             {"at_once", "prepare", SIGINT, 130},
                             {"while_the_broker_boots", "start broker", SIGINT, 130},
                             {"in_steady_state", "steady state", SIGTERM, 143},
                             {"while_the_fault_is_applied", "  broker.stop on broker", SIGINT, 130},
                             {"while_it_is_undone", "undo broker.stop", SIGTERM, 143},
                             {"in_recovery", "Z recovery", SIGHUP, 129},
                             {"in_the_drain", "Z drain", SIGINT, 130},
                         }),
                         [](const auto& each) { return std::string{each.param.name}; });

TEST_F(RunTest, LeavesNothingWhenTheControllerIsKilled) {
  TroopCommand troop{world_, quick_stop({"step.0.for=60s"})};
  ASSERT_TRUE(troop.says("broker.stop on broker", 60s)) << everything(troop);
  troop.signal(SIGKILL);
  EXPECT_EQ(troop.exit_code(5s), 137);
  expect_nothing_left(21s);
  EXPECT_THAT(slurp(world_.run_directory() / "broker.log"), HasSubstr("RabbitMQ"))
      << "nobody else was there to keep it";
}

TEST_F(RunTest, LeavesNothingWhenTheControllerHangs) {
  TroopCommand troop{world_, quick_stop()};
  ASSERT_TRUE(troop.says("experiment", 60s)) << everything(troop);
  troop.signal(SIGSTOP);
  const auto only_troop = [&] { return world_.processes() == std::vector<pid_t>{troop.pid()}; };
  EXPECT_TRUE(eventually(only_troop, 20s)) << "the lease is 10 s";
  EXPECT_THAT(world_.leftovers(), IsEmpty());
  troop.signal(SIGCONT);
  EXPECT_EQ(troop.exit_code(30s), 3) << everything(troop);
}

/// The world's only process of that name; -1 if there is none.
pid_t process_of(const World& world, const std::string& name) {
  const auto found = world.called(name);
  return found.empty() ? -1 : found[0];
}

pid_t agent_of(const World& world) { return process_of(world, "troop-agent"); }

/// For tests of the nets below it.
void kill_guardian(const World& world) {
  const pid_t guardian = process_of(world, "troop-guardian");
  ASSERT_GT(guardian, 1);
  kill(guardian, SIGKILL);
}

struct AgentCase {
  const char* name;
  const char* when;  ///< What the progress says at that moment.
  int signal;
  friend void PrintTo(const AgentCase& c, std::ostream* out) {
    *out << "signal " << c.signal << " at '" << c.when << "'";
  }
};

class LostAgentTest : public RunTest, public testing::WithParamInterface<AgentCase> {};

TEST_P(LostAgentTest, MakesTheRunInconclusiveAndIsCleanedUpAfter) {
  const auto& at = GetParam();
  TroopCommand troop{world_, quick_stop()};
  ASSERT_TRUE(troop.says(at.when, 60s)) << everything(troop);
  const pid_t agent = agent_of(world_);
  ASSERT_GT(agent, 1);
  kill_guardian(world_);
  kill(agent, at.signal);
  EXPECT_EQ(troop.exit_code(60s), 3) << everything(troop);
  EXPECT_EQ(run_json(world_).at("ended_by").as_string(), "agent-lost");
  expect_nothing_left();
}

INSTANTIATE_TEST_SUITE_P(, LostAgentTest,
                         testing::ValuesIn(std::vector<AgentCase>{
                             {"killed_in_the_experiment", "Z experiment", SIGKILL},
                             {"hung_in_the_experiment", "Z experiment", SIGSTOP},
                             {"hung_while_it_ends_the_parts", "Z stop", SIGSTOP},
                         }),
                         [](const auto& each) { return std::string{each.param.name}; });

TEST_F(RunTest, CleansUpAfterARunOfWhichNobodySurvived) {
  {
    TroopCommand troop{world_, quick_stop({"step.0.for=60s"})};
    ASSERT_TRUE(troop.says("experiment", 60s)) << everything(troop);
    const pid_t agent = agent_of(world_);
    ASSERT_GT(agent, 1);
    troop.signal(SIGSTOP);  // so that it cannot clean up
    kill_guardian(world_);
    kill(agent, SIGKILL);
    troop.signal(SIGKILL);
  }
  EXPECT_TRUE(eventually([&] { return world_.processes().empty(); }, 20s)) << "the kernel ends what the agent started";
  EXPECT_THAT(world_.leftovers(), Not(IsEmpty())) << "this is what the next agent must clean up";
  fs::remove_all(world_.run_directory());
  TroopCommand next{world_, {"run", "broker/stop", "--out", world_.run_directory().string(), "--dry-run"}};
  EXPECT_EQ(next.exit_code(30s), 0) << everything(next);
  expect_nothing_left();
}

TEST_F(RunTest, IsPutBackByTheGuardianWhereControllerAndAgentAreKilled) {
  TroopCommand troop{world_, quick_stop({"step.0.for=60s"})};
  ASSERT_TRUE(troop.says("broker.stop on broker", 60s)) << everything(troop);
  const pid_t agent = agent_of(world_);
  ASSERT_GT(agent, 1);
  troop.signal(SIGSTOP);  // so that it cannot clean up
  kill(agent, SIGKILL);
  troop.signal(SIGKILL);
  EXPECT_EQ(troop.exit_code(5s), 137);
  expect_nothing_left(10s);
  EXPECT_THAT(slurp(world_.run_directory() / "agent.log"), HasSubstr("troop-guardian: put back "));
}

TEST_F(RunTest, IsPutBackByTheGuardianWhereControllerAndAgentHang) {
  TroopCommand troop{world_, quick_stop({"step.0.for=60s"})};
  ASSERT_TRUE(troop.says("broker.stop on broker", 60s)) << everything(troop);
  const pid_t agent = agent_of(world_);
  ASSERT_GT(agent, 1);
  troop.signal(SIGSTOP);
  kill(agent, SIGSTOP);
  const auto nothing_but_troop = [&] {
    return world_.processes() == std::vector<pid_t>{troop.pid()} && world_.leftovers().empty();
  };
  EXPECT_TRUE(eventually(nothing_but_troop, 20s)) << "the lease is 10 s";
  EXPECT_THAT(slurp(world_.run_directory() / "agent.log"), HasSubstr("the agent hangs and is killed"));
  troop.signal(SIGCONT);
  EXPECT_EQ(troop.exit_code(30s), 3) << everything(troop);
}

TEST_F(RunTest, CallsNothingDrainedWhereAProducerDidNotClose) {
  TroopCommand troop{world_, run_arguments("loss-points/poison-dead-lettered", {"duration=2s", "workload.rate=200"})};
  ASSERT_TRUE(troop.says("Z experiment", 60s)) << everything(troop);
  const pid_t producer = process_of(world_, "producer-1");
  ASSERT_GT(producer, 1);
  kill(producer, SIGSTOP);  // so that it cannot close before it is killed
  EXPECT_TRUE(troop.says("Z finish producers", 60s)) << everything(troop);
  kill(producer, SIGKILL);
  EXPECT_EQ(troop.exit_code(60s), 3) << everything(troop);
  const auto document = run_json(world_);
  EXPECT_EQ(document.at("ended_by").as_string(), "drain-not-proven");
  EXPECT_THAT(boost::json::serialize(document.at("problems")), HasSubstr("producer-1 did not close its connection"));
  EXPECT_THAT(slurp(world_.run_directory() / "history.ndjson"), Not(HasSubstr(R"("f":"drain")")));
  expect_nothing_left();
}

TEST_F(RunTest, IsPutBackByHandWhereControllerAndAgentHang) {
  TroopCommand troop{world_, quick_stop({"step.0.for=60s"})};
  ASSERT_TRUE(troop.says("experiment", 60s)) << everything(troop);
  const pid_t agent = agent_of(world_);
  ASSERT_GT(agent, 1);
  const auto living = world_.processes();
  TroopCommand of_the_dead{world_, {"undo", "--dead"}, {}, "troop-agent"};
  EXPECT_EQ(of_the_dead.exit_code(30s), 0) << everything(of_the_dead);
  EXPECT_THAT(world_.processes(), testing::IsSupersetOf(living)) << "those that live go on";
  kill_guardian(world_);
  troop.signal(SIGSTOP);
  kill(agent, SIGSTOP);
  {
    TroopCommand as_json{world_, {"status", "--json"}, {}, "troop-agent"};
    EXPECT_EQ(as_json.exit_code(10s), 0) << everything(as_json);
    const auto journals = boost::json::parse(as_json.output()).as_array();
    ASSERT_EQ(journals.size(), 1U) << as_json.output();
    EXPECT_EQ(journals[0].at("agent").as_int64(), agent);
    EXPECT_FALSE(journals[0].at("debts").as_array().empty());
    TroopCommand status{world_, {"status"}, {}, "troop-agent"};
    EXPECT_EQ(status.exit_code(10s), 0);
    EXPECT_THAT(status.output(), HasSubstr("process    broker, pid "));
  }
  TroopCommand undo{world_, {"undo", "--all"}, {}, "troop-agent"};
  EXPECT_EQ(undo.exit_code(30s), 0) << everything(undo);
  EXPECT_THAT(undo.output(), HasSubstr("This host is clean."));
  EXPECT_TRUE(eventually([&] { return world_.processes() == std::vector<pid_t>{troop.pid()}; }, 20s));
  EXPECT_THAT(world_.leftovers(), IsEmpty());
  troop.signal(SIGCONT);
  EXPECT_EQ(troop.exit_code(60s), 3) << everything(troop);
  expect_nothing_left();
}

/// Listens on a loopback port until dropped.
class Squatter {
 public:
  explicit Squatter(std::uint16_t port = 0) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const int on = 1;
    setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listening_ = bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 && listen(fd_, 1) == 0;
    socklen_t size = sizeof address;
    getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
  }
  Squatter(const Squatter&) = delete;
  Squatter& operator=(const Squatter&) = delete;
  ~Squatter() { close(fd_); }
  [[nodiscard]] bool listening() const { return listening_; }
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  int fd_;
  bool listening_ = false;
  std::uint16_t port_ = 0;
};

TEST_F(RunTest, SaysThatABrokerCouldNotBeRestored) {
  const std::uint16_t port = Squatter{}.port();  // free again
  TroopCommand troop{world_, quick_stop({"system.broker.port=" + std::to_string(port), "step.0.for=2s",
                                         "system.broker.start_timeout=25s"})};
  ASSERT_TRUE(troop.says("broker.stop on broker", 60s)) << everything(troop);
  std::unique_ptr<Squatter> squatter;
  ASSERT_TRUE(eventually([&] { return (squatter = std::make_unique<Squatter>(port))->listening(); }, 10s));
  EXPECT_EQ(troop.exit_code(120s), 4) << everything(troop);
  EXPECT_THAT(troop.output(), HasSubstr("could not be restored"));
  expect_nothing_left();
}

TEST_F(RunTest, RefusesAPortThatIsInUse) {
  const Squatter squatter;
  TroopCommand troop{world_, run_arguments("broker/stop", {"system.broker.port=" + std::to_string(squatter.port())})};
  EXPECT_EQ(troop.exit_code(20s), 2);
  EXPECT_THAT(troop.errors(), HasSubstr("is in use"));
  EXPECT_FALSE(fs::exists(world_.run_directory()));
  expect_nothing_left();
}

TEST_F(RunTest, SaysWhatToInstallWhenThereIsNoBroker) {
  TroopCommand troop{world_, run_arguments("broker/stop", {"system.broker.binary=\"/nowhere/rabbitmq-server\""})};
  EXPECT_EQ(troop.exit_code(20s), 2);
  EXPECT_THAT(troop.errors(), HasSubstr("apt-get install rabbitmq-server"));
  EXPECT_FALSE(fs::exists(world_.run_directory()));
  expect_nothing_left();
}

TEST_F(RunTest, SaysWhereAPluginThatIsMissingBelongs) {
  TroopCommand troop{world_, run_arguments("broker/stop", {"system.broker.plugins=[\"rabbitmq_of_nobody\"]",
                                                           "system.broker.plugins_dir=\"/nowhere\""})};
  EXPECT_EQ(troop.exit_code(20s), 2);
  EXPECT_THAT(troop.errors(), HasSubstr("has no plugin rabbitmq_of_nobody in /nowhere, "));
  EXPECT_FALSE(fs::exists(world_.run_directory()));
  expect_nothing_left();
}

TEST_F(RunTest, RefusesARunDirectoryThatHoldsSomething) {
  fs::create_directories(world_.run_directory());
  std::ofstream{world_.run_directory() / "precious"} << "data";
  TroopCommand troop{world_, run_arguments("broker/stop")};
  EXPECT_EQ(troop.exit_code(20s), 2);
  EXPECT_THAT(troop.errors(), HasSubstr("not an empty folder"));
  EXPECT_EQ(slurp(world_.run_directory() / "precious"), "data");
}

TEST_F(RunTest, RefusesARunDirectoryThatCannotBeMade) {
  std::ofstream{world_.root() / "file"} << "";
  TroopCommand troop{world_, {"run", "broker/stop", "--out", (world_.root() / "file/run").string()}};
  EXPECT_EQ(troop.exit_code(20s), 2);
  EXPECT_THAT(troop.errors(), HasSubstr("run directory"));
  expect_nothing_left();
}

TEST_F(RunTest, EndsInconclusiveWhenTheDiskIsFull) {
  if (geteuid() != 0) GTEST_SKIP() << "a small file system of its own can only be mounted as root";
  fs::create_directories(world_.run_directory());
  ASSERT_EQ(mount("tmpfs", world_.run_directory().c_str(), "tmpfs", 0, "size=1m"), 0);
  {
    TroopCommand troop{world_, quick_stop({"step.0.for=30s"})};
    EXPECT_EQ(troop.exit_code(60s), 3) << everything(troop);
    EXPECT_THAT(troop.output(), HasSubstr("No space left on device"));
    expect_nothing_left();
  }
  EXPECT_EQ(umount(world_.run_directory().c_str()), 0);
}

TEST_F(RunTest, RehearsesWithoutStartingAnything) {
  TroopCommand troop{world_, {"run", "broker/stop", "--dry-run", "--out", world_.run_directory().string()}};
  EXPECT_EQ(troop.exit_code(20s), 0) << everything(troop);
  EXPECT_THAT(troop.output(), HasSubstr("broker.stop"));
  EXPECT_FALSE(fs::exists(world_.run_directory()));
  expect_nothing_left();
}

TEST_F(RunTest, NeverShowsThePasswordOfItsBroker) {
  TroopCommand troop{world_, quick_stop({"step.0.for=2s"})};
  ASSERT_TRUE(troop.says("experiment", 60s)) << everything(troop);
  std::string secret;
  for (const auto& entry : fs::directory_iterator{world_.root() / "tmp"}) {
    const std::string text = slurp(entry.path() / "rabbitmq.conf");
    const auto at = text.find("default_pass = ");
    if (at != std::string::npos) secret = text.substr(at + 15, 32);
  }
  ASSERT_EQ(secret.size(), 32U);
  for (const pid_t pid : world_.processes()) {
    const std::string proc = "/proc/" + std::to_string(pid);
    EXPECT_THAT(slurp(proc + "/cmdline"), Not(HasSubstr(secret)));
    EXPECT_THAT(slurp(proc + "/environ"), Not(HasSubstr(secret)));
  }
  EXPECT_EQ(troop.exit_code(run_max), 0) << everything(troop);
  EXPECT_THAT(everything(troop), Not(HasSubstr(secret)));
  EXPECT_TRUE(fs::exists(world_.run_directory() / "evidence/broker.log"));
  for (const auto& entry : fs::recursive_directory_iterator{world_.run_directory()}) {
    if (!entry.is_regular_file()) continue;
    EXPECT_THAT(slurp(entry.path()).find(secret), std::string::npos) << entry.path();
  }
  expect_nothing_left();
}

TEST_F(RunTest, WritesAHistoryThatIsNeverMoreThanASecondBehind) {
  TroopCommand troop{world_, quick_stop()};
  ASSERT_TRUE(troop.says("experiment", 60s)) << everything(troop);
  const auto newest = [&] {
    const std::string text = slurp(world_.run_directory() / "history.ndjson");
    const auto end = text.rfind('\n');
    const auto begin = end == std::string::npos || end == 0 ? std::string::npos : text.rfind('\n', end - 1);
    if (begin == std::string::npos) return std::int64_t{-1};
    return boost::json::parse(text.substr(begin + 1, end - begin - 1)).at("time").as_int64();
  };
  const std::int64_t first_seen = monotonic_ns();
  const std::int64_t first = newest();
  ASSERT_GE(first, 0);
  // Whatever the run's clock said at first_seen, `first` was at most one second older; so progress keeps pace with
  // ours.
  ASSERT_TRUE(eventually([&] { return newest() >= first + 2'000'000'000; }, 10s));
  EXPECT_LT(monotonic_ns() - first_seen, 3'500'000'000);
}

}  // namespace
}  // namespace troop::test
