// What the faults on processes of a host owe, on programs that this test started as others would.
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "agents/fault.hpp"
#include "agents/host/process_table.hpp"
#include "agents/limits.hpp"
#include "agents/paused.hpp"
#include "tests/support/bystander.hpp"
#include "tests/support/coroutine.hpp"
#include "tests/support/private_network.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/unit/agents/journals.hpp"

namespace troop::agents {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing_support::run;
using troop::test::Bystander;

struct NoParts : Parts {
  Part* find(std::string_view name) override { return name == "consumer-1" ? &never_ : nullptr; }

 private:
  struct Worker : Part {
    [[nodiscard]] const std::string& name() const override { return name_; }
    [[nodiscard]] std::string_view kind() const override { return "consumer"; }
    [[nodiscard]] Process& process() override { return process_; }
    Result<void> start() override { return success(); }
    asio::awaitable<Result<Proof>> ready() override { co_return Proof{}; }
    std::string name_ = "consumer-1";
    Process process_;
  };
  Worker never_;
};

class HostProcessesTest : public testing::Test {
 protected:
  void SetUp() override {
    order_.number = 3;
    order_.victim = "local";
    order_.parameters["name"] = name_;
  }
  void TearDown() override { unsetenv("TROOP_POLICY"); }
  void use(const char* fault) {
    order_.fault = fault;
    fault_ = find_fault(fault);
    ASSERT_NE(fault_, nullptr);
  }
  std::unique_ptr<Bystander> start() { return std::make_unique<Bystander>(folder_.path(), name_); }
  Result<UndoRecord> plan() { return fault_->plan(parts_, order_); }
  Result<void> look() { return run(fault_->look(parts_, order_, state_)); }
  Result<Proof> apply() { return run(fault_->apply(parts_, order_, state_)); }
  Result<Proof> revert() { return run(fault_->revert(parts_, order_, state_)); }
  void expect_refused(const std::string& why) {
    const auto planned = plan();
    ASSERT_TRUE(planned.has_error()) << why;
    EXPECT_EQ(planned.error().kind, ErrorKind::usage);
    EXPECT_THAT(planned.error().context, AllOf(HasSubstr(order_.fault), HasSubstr(why)));
    EXPECT_TRUE(look().has_error());
    EXPECT_TRUE(apply().has_error()) << "nothing was chosen";
  }

  testing_support::TemporaryFolder folder_;
  const std::string name_ = troop::test::fresh_program_name();
  NoParts parts_;
  protocol::StepOrder order_;
  const Fault* fault_ = nullptr;
  boost::json::object state_;
};

TEST_F(HostProcessesTest, AreKilledWhereTheyMatchAndNowhereElse) {
  use("process.kill");
  const auto one = start(), two = start(), three = start();
  const Bystander other{folder_.path(), name_ + "x"};
  order_.parameters["count"] = std::int64_t{2};
  order_.parameters["keep_at_least"] = std::int64_t{1};
  ASSERT_TRUE(plan()) << plan().error().context;
  EXPECT_TRUE(one->alive() && two->alive() && three->alive()) << "a plan changes nothing";
  ASSERT_TRUE(look());
  EXPECT_EQ(state_.at("processes").as_array().size(), 2U);
  const auto applied = apply();
  ASSERT_TRUE(applied) << applied.error().context;
  EXPECT_THAT(applied.value().text, HasSubstr("2 of 2 gone"));
  EXPECT_EQ(one->alive() + two->alive() + three->alive(), 1);
  EXPECT_TRUE(other.alive());
  const auto reverted = revert();
  ASSERT_TRUE(reverted);
  EXPECT_THAT(reverted.value().text, HasSubstr("1 processes match name \"" + name_ + "\" now"));
}

TEST_F(HostProcessesTest, ArePausedAndGoOn) {
  use("process.pause");
  const auto one = start(), two = start();
  order_.parameters["percent"] = 100.0;
  const auto planned = plan();
  ASSERT_TRUE(planned) << planned.error().context;
  EXPECT_EQ(planned.value().kind, paused_kind) << "whoever is left of the agent knows what to do";
  ASSERT_TRUE(look());
  for (int round = 0; round < 3; ++round) {
    const auto applied = apply();
    ASSERT_TRUE(applied) << applied.error().context;
    EXPECT_THAT(applied.value().text, AllOf(HasSubstr(std::to_string(one->pid())), HasSubstr("in state T")));
    EXPECT_EQ(one->state(), 'T');
    EXPECT_EQ(two->state(), 'T');
    for (int again = 0; again < 2; ++again) {
      const auto reverted = revert();
      ASSERT_TRUE(reverted) << reverted.error().context;
      EXPECT_TRUE(one->runs());
      EXPECT_TRUE(two->runs());
    }
  }
}

TEST_F(HostProcessesTest, GoOnWhenTheAgentThatPausedThemDied) {
  use("process.pause");
  const auto one = start();
  auto planned = plan();
  ASSERT_TRUE(planned);
  ASSERT_TRUE(look());
  planned.value().state["processes"] = state_["processes"];
  {
    auto journal = UndoJournal::create(folder_ / "state");
    ASSERT_TRUE(journal);
    ASSERT_TRUE(journal.value().append(planned.value()));
  }
  ASSERT_TRUE(apply());
  EXPECT_EQ(one->state(), 'T');
  const auto cleaned = clean_up_after_the_dead(folder_ / "state");
  EXPECT_EQ(cleaned.undone, 1);
  EXPECT_THAT(cleaned.problems, testing::IsEmpty());
  EXPECT_TRUE(one->runs());
}

TEST_F(HostProcessesTest, AreNotLetGoOnWhereThePidIsAnothersByNow) {
  const auto one = start();
  ASSERT_TRUE(one->signal(SIGSTOP));
  ASSERT_TRUE(test::reaches_state(one->pid(), "T"));
  auto identity = *identify(one->pid());
  ++identity.start_time;
  EXPECT_TRUE(resume({{"processes", to_json({identity})}}));
  EXPECT_EQ(one->state(), 'T');
  --identity.start_time;
  EXPECT_TRUE(resume({{"processes", to_json({identity})}}));
  EXPECT_TRUE(one->runs());
}

TEST_F(HostProcessesTest, ThatAreStoppedAlreadyAreNotPaused) {
  use("process.pause");
  const auto one = start();
  ASSERT_TRUE(one->signal(SIGSTOP));
  ASSERT_TRUE(test::reaches_state(one->pid(), "T"));
  EXPECT_TRUE(plan());
  const auto looked = look();
  ASSERT_TRUE(looked.has_error());
  EXPECT_THAT(looked.error().context, HasSubstr("is stopped already"));
  ASSERT_TRUE(revert()) << "nothing was written down";
  EXPECT_EQ(one->state(), 'T') << "as before";
}

TEST_F(HostProcessesTest, AreNotHitWhereTheyEndedOrBecameOthersMeanwhile) {
  for (const char* fault : {"process.kill", "process.pause"}) {
    use(fault);
    auto one = start();
    ASSERT_TRUE(look());
    one.reset();
    const auto two = start();
    const auto applied = apply();
    ASSERT_TRUE(applied.has_error()) << "two was never chosen";
    EXPECT_TRUE(two->runs());

    auto& entry = state_.at("processes").as_array().at(0).as_object();
    entry["pid"] = two->pid();
    EXPECT_TRUE(apply().has_error()) << "its start time is another's";
    EXPECT_TRUE(two->runs());
    entry["start_time"] = static_cast<std::int64_t>(identify(two->pid())->start_time);
    const Bystander other{folder_.path(), name_ + "x"};
    entry["pid"] = other.pid();
    entry["start_time"] = static_cast<std::int64_t>(identify(other.pid())->start_time);
    EXPECT_TRUE(apply().has_error()) << "it does not match";
    EXPECT_TRUE(other.runs());
  }
}

TEST_F(HostProcessesTest, AreFoundByEachSelector) {
  use("process.pause");
  const std::string argument = std::to_string(10'000 + getpid());
  const Bystander one{folder_.path(), name_, argument};
  const auto expect_found = [&](const char* key, const model::Value& value) {
    order_.parameters = {{key, value}};
    state_.clear();
    const auto looked = look();
    ASSERT_TRUE(looked) << key << ": " << looked.error().context;
    EXPECT_EQ(state_.at("processes").as_array().at(0).at("pid").as_int64(), one.pid()) << key;
  };
  expect_found("command_line", (folder_ / name_).string() + " " + argument);
  expect_found("command_line", "*/" + name_ + " " + argument.substr(0, 3) + "*");
  const std::string pid_file = folder_ / "pid";
  std::ofstream{pid_file} << one.pid() << '\n';
  expect_found("pid_file", pid_file);
}

TEST_F(HostProcessesTest, AreFoundByThePortTheyListenOnInTheHostsNetwork) {
  const troop::test::PrivateNetwork network;
  if (!network.why_not().empty()) GTEST_SKIP() << network.why_not();
  use("process.pause");
  const std::string script =
      "import socket,time\ns=socket.socket()\ns.bind(('127.0.0.1',7001))\ns.listen()\ntime.sleep(120)\n";
  const Bystander server{"/usr/bin/python3", {"-c", script}};
  order_.victim = "app";
  order_.parameters = {{"port", std::int64_t{7001}}};
  if (access("/usr/bin/python3", X_OK) != 0) GTEST_SKIP() << "no python3 here";
  ASSERT_TRUE(test::until([&] { return plan().has_value() || !server.alive(); })) << plan().error().context;
  ASSERT_TRUE(look());
  EXPECT_EQ(state_.at("processes").as_array().at(0).at("pid").as_int64(), server.pid());
  order_.parameters["port"] = std::int64_t{7002};
  expect_refused("no process matches port 7002");
}

TEST_F(HostProcessesTest, OfAnotherNetworkAreNotOffered) {
  use("process.pause");
  const auto outside = start();
  const troop::test::PrivateNetwork network;
  if (!network.why_not().empty()) GTEST_SKIP() << network.why_not();
  order_.victim = "app";
  expect_refused("no process matches name \"" + name_ + "\"");
  const auto inside = start();
  ASSERT_TRUE(look());
  EXPECT_EQ(state_.at("processes").as_array().at(0).at("pid").as_int64(), inside->pid());
}

TEST_F(HostProcessesTest, AreRefusedWhereThePolicyProtectsThem) {
  const auto one = start();
  const auto path = folder_ / "policy.json";
  std::ofstream{path} << R"({"protected_processes": [")" << name_ << "\"]}";
  setenv("TROOP_POLICY", path.c_str(), 1);
  for (const char* fault : {"process.kill", "process.pause"}) {
    use(fault);
    expect_refused("is protected: 'protected_processes' of policy file " + path.string());
    EXPECT_TRUE(one->runs());
  }
}

TEST_F(HostProcessesTest, AreRefusedWithTheReasonBeforeAnythingIsTouched) {
  use("process.kill");
  expect_refused("no process matches name \"" + name_ + "\"");
  const auto one = start();
  order_.parameters["keep_at_least"] = std::int64_t{1};
  expect_refused("1 processes match name \"" + name_ + "\": too few to hit 1 and keep at least 1");
  order_.parameters = {{"pid_file", std::string{"/nowhere/pid"}}};
  expect_refused("pid file /nowhere/pid");
  const std::string pid_file = folder_ / "pid";
  for (const char* text : {"", "x", "-5", "0", "12x", "99999999999999999999999999999999999999999"}) {
    std::ofstream{pid_file} << text;
    order_.parameters = {{"pid_file", pid_file}};
    expect_refused("holds no pid");
  }
  // Whoever can write it would choose the victim.
  std::ofstream{pid_file} << one->pid();
  EXPECT_EQ(chmod(pid_file.c_str(), 0666), 0);
  expect_refused("could have been written by somebody else");
  EXPECT_EQ(chmod(pid_file.c_str(), 0644), 0);
  EXPECT_TRUE(plan()) << "ours again";
  if (geteuid() == 0) {
    EXPECT_EQ(chown(pid_file.c_str(), 65534, 65534), 0);
    expect_refused("could have been written by somebody else");
  }
  order_.parameters = {{"name", name_}, {"signal", std::string{"SIGSTOP"}}};
  const auto planned = plan();
  ASSERT_TRUE(planned.has_error());
  EXPECT_THAT(planned.error().context, HasSubstr("'signal'"));
  order_.parameters = {{"name", name_}};
  order_.victim = "consumer-1";
  expect_refused("'consumer-1' is one process");
  EXPECT_TRUE(one->alive());
}

TEST_F(HostProcessesTest, CannotOpenMoreThanTheyHave) {
  use("fd.exhaust");
  const auto one = start(), two = start();
  order_.parameters["count"] = std::int64_t{2};
  order_.parameters["leave"] = std::int64_t{1};
  const auto planned = plan();
  ASSERT_TRUE(planned) << planned.error().context;
  EXPECT_EQ(planned.value().kind, limits_kind);
  const auto before = descriptor_limit(one->pid()).value();
  EXPECT_TRUE(revert()) << "it never was in force";
  ASSERT_TRUE(look());
  for (int round = 0; round < 2; ++round) {
    const auto applied = apply();
    ASSERT_TRUE(applied) << applied.error().context;
    for (const auto* each : {one.get(), two.get()}) {
      const auto now = descriptor_limit(each->pid()).value();
      // The test's own descriptors are there as well, and there may be gaps between them.
      std::uint64_t free_numbers = 0;
      for (std::uint64_t number = 0; number < now.soft; ++number) {
        free_numbers +=
            !std::filesystem::exists("/proc/" + std::to_string(each->pid()) + "/fd/" + std::to_string(number));
      }
      EXPECT_EQ(free_numbers, 1U) << "as many as are left";
      EXPECT_EQ(now.hard, before.hard);
    }
    for (int again = 0; again < 2; ++again) {
      const auto reverted = revert();
      ASSERT_TRUE(reverted) << reverted.error().context;
      EXPECT_EQ(descriptor_limit(one->pid()).value().soft, before.soft);
      EXPECT_EQ(descriptor_limit(two->pid()).value().soft, before.soft);
    }
  }
}

TEST_F(HostProcessesTest, MayOpenAgainWhenTheAgentThatLimitedThemDied) {
  use("fd.exhaust");
  const auto one = start();
  auto record = plan().value();
  const auto before = descriptor_limit(one->pid()).value();
  ASSERT_TRUE(look());
  record.state["processes"] = state_["processes"];
  record.state["limits"] = state_["limits"];
  {
    auto journal = UndoJournal::create(folder_ / "state");
    ASSERT_TRUE(journal);
    ASSERT_TRUE(journal.value().append(record));
  }
  ASSERT_TRUE(apply());
  EXPECT_LT(descriptor_limit(one->pid()).value().soft, before.soft);
  EXPECT_EQ(clean_up_after_the_dead(folder_ / "state").undone, 1);
  EXPECT_EQ(descriptor_limit(one->pid()).value().soft, before.soft);
}

/// Starts a program again whenever it ends, as a service manager does.
class Supervisor {
 public:
  Supervisor(const std::filesystem::path& folder, const std::string& name)
      : name_(name), first_(folder, name), shell_("/bin/sh", {"-c", "while :; do \"$0\" 120; done", folder / name}) {}
  ~Supervisor() {
    (void)shell_.signal(SIGKILL);
    (void)shell_.gone_within(5000);
    if (const pid_t left = child(); left > 1) (void)end_stranger(*identify(left), Duration{0});
  }
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;
  /// What it runs now; 0: nothing.
  [[nodiscard]] pid_t child() const {
    for (const auto& row : read_process_table()) {
      if (row.program == name_ && row.identity.pid != first_.pid()) return row.identity.pid;
    }
    return 0;
  }
  [[nodiscard]] const Bystander& spared() const { return first_; }

 private:
  std::string name_;
  Bystander first_;  ///< Nobody starts this one again.
  Bystander shell_;
};

TEST_F(HostProcessesTest, AreKilledAsOftenAsTheyReturn) {
  use("process.crash_loop");
  const Supervisor supervisor{folder_.path(), name_};
  ASSERT_TRUE(test::until([&] { return supervisor.child() != 0; }));
  order_.parameters = {{"name", name_}, {"count", std::int64_t{2}}};
  ASSERT_TRUE(look()) << look().error().context;
  const auto applied = apply();
  ASSERT_TRUE(applied) << applied.error().context;
  EXPECT_FALSE(supervisor.spared().alive());
  ASSERT_TRUE(parts_.holdings().contains(3));
  std::set<pid_t> seen;
  ASSERT_TRUE(test::until([&] {
    if (const pid_t now = supervisor.child(); now != 0) seen.insert(now);
    return seen.size() >= 4;
  })) << "it is killed as often as it returns";
  EXPECT_TRUE(parts_.holdings().at(3)->renew());
  const auto reverted = revert();
  ASSERT_TRUE(reverted) << reverted.error().context;
  EXPECT_THAT(reverted.value().text, HasSubstr("killed again "));
  EXPECT_THAT(reverted.value().text, HasSubstr("1 of 2 processes are there")) << "one had nobody to start it again";
  EXPECT_TRUE(parts_.holdings().empty());
  const pid_t last = supervisor.child();
  EXPECT_TRUE(revert()) << "undone twice is undone";
  ASSERT_NE(last, 0);
  EXPECT_EQ(supervisor.child(), last) << "left alone";
}

TEST_F(HostProcessesTest, AreLeftAloneWhereNoMoreThanThoseToBeKeptAreThere) {
  use("process.crash_loop");
  const Supervisor supervisor{folder_.path(), name_};
  ASSERT_TRUE(test::until([&] { return supervisor.child() != 0; }));
  order_.parameters = {{"name", name_}, {"count", std::int64_t{1}}, {"keep_at_least", std::int64_t{1}}};
  ASSERT_TRUE(look());
  ASSERT_TRUE(apply());
  // Somebody else kills the others; the one that is started again is another than the one that was kept.
  if (supervisor.spared().alive()) (void)supervisor.spared().signal(SIGKILL);
  if (const pid_t child = supervisor.child(); child > 1) (void)end_stranger(*identify(child), Duration{0});
  pid_t last = 0;
  std::int64_t since = 0;
  EXPECT_TRUE(test::until([&] {
    const pid_t now = supervisor.child();
    if (now != last) since = monotonic_ns();
    last = now;
    return now != 0 && monotonic_ns() - since > Duration{std::chrono::seconds{1}}.count();
  })) << "it is killed again and again";
  EXPECT_TRUE(revert());
}

TEST_F(HostProcessesTest, AreToldToBeInNoLoopWhereNobodyStartsThemAgain) {
  use("process.crash_loop");
  const auto one = start();
  ASSERT_TRUE(look());
  ASSERT_TRUE(apply());
  EXPECT_FALSE(one->alive());
  const auto in_force = run(fault_->in_force(parts_, order_, state_));
  ASSERT_TRUE(in_force.has_error());
  EXPECT_THAT(in_force.error().context, HasSubstr("no loop was seen"));
  EXPECT_TRUE(revert());
}

TEST_F(HostProcessesTest, MayHandleARequestAndLiveOn) {
  use("process.kill");
  const Bystander shell{"/bin/sh", {"-c", "trap 'true' HUP TERM; while :; do /bin/sleep 0.05; done", name_}};
  order_.parameters = {{"pid_file", (folder_ / "pid").string()}, {"signal", std::string{"SIGHUP"}}};
  std::ofstream{folder_ / "pid"} << shell.pid();
  ASSERT_TRUE(test::until([&] { return agents::handles(shell.pid(), SIGHUP); }));
  ASSERT_TRUE(look());
  const auto applied = apply();
  ASSERT_TRUE(applied) << applied.error().context;
  EXPECT_THAT(applied.value().text, HasSubstr("0 of 1 gone"));
  EXPECT_THAT(applied.value().text, HasSubstr("handled the signal"));
  EXPECT_TRUE(shell.alive());
}

}  // namespace
}  // namespace troop::agents
