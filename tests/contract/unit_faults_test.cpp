// service.stop and instance.kill on services of systemd: against a `systemctl` of the test's own and real processes.
#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>
#include <thread>

#include "agents/fault.hpp"
#include "agents/undo_journal.hpp"
#include "agents/units.hpp"
#include "tests/support/bystander.hpp"
#include "tests/support/coroutine.hpp"
#include "tests/support/fake_systemd.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/troop_run.hpp"

namespace troop::agents {
namespace {

using namespace std::chrono_literals;
using test::Bystander;
using test::FakeSystemd;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing_support::run;

const std::string next_life(32, 'b');

struct NoParts : Parts {
  Part* find(std::string_view) override { return nullptr; }
};

class UnitFaultsTest : public testing::Test {
 protected:
  void SetUp() override {
    setenv("TROOP_SYSTEMCTL", systemd_.program().c_str(), 1);
    systemd_.set(running());
    order_.number = 4;
    order_.victim = "local";
    order_.parameters["unit"] = std::string{FakeSystemd::unit};
  }
  void TearDown() override {
    for (const char* name : {"TROOP_SYSTEMCTL", "TROOP_POLICY"}) unsetenv(name);
  }
  [[nodiscard]] FakeSystemd::Properties running() const { return FakeSystemd::running(shop_.pid()); }
  [[nodiscard]] FakeSystemd::Properties running_again() const { return FakeSystemd::running(other_.pid(), next_life); }
  /// "stop" leaves it down without its process, "kill" failed, and "start" brings the other process.
  void be_a_service() const {
    systemd_.let("stop", FakeSystemd::down(), {shop_.pid()});
    systemd_.let("kill", FakeSystemd::down("failed"), {shop_.pid()});
    systemd_.let("start", running_again());
  }
  void use(const char* fault) {
    order_.fault = fault;
    fault_ = find_fault(fault);
    ASSERT_NE(fault_, nullptr);
    state_.clear();
  }
  Result<UndoRecord> plan() { return fault_->plan(parts_, order_); }
  Result<Proof> apply() {
    BOOST_OUTCOME_TRY(run(fault_->look(parts_, order_, state_)));
    return run(fault_->apply(parts_, order_, state_));
  }
  Result<Proof> revert() { return run(fault_->revert(parts_, order_, state_)); }
  void expect_refused(const std::string& why) {
    const auto planned = plan();
    ASSERT_TRUE(planned.has_error()) << why;
    EXPECT_EQ(planned.error().kind, ErrorKind::usage);
    EXPECT_THAT(planned.error().context, AllOf(HasSubstr(order_.fault), HasSubstr(why)));
    EXPECT_TRUE(run(fault_->look(parts_, order_, state_)).has_error());
    EXPECT_TRUE(run(fault_->apply(parts_, order_, state_)).has_error());
    EXPECT_THAT(systemd_.asked(), IsEmpty());
  }
  /// What an agent does that holds the fault, until it hears that it is not in force any more; or not for so long.
  bool renews_without_end(Duration within) {
    return !test::eventually([&] { return parts_.holdings().at(4)->renew().has_error(); }, within);
  }

  testing_support::TemporaryFolder folder_;
  const std::string name_ = test::fresh_program_name();
  const Bystander shop_{folder_.path(), name_}, other_{folder_.path(), name_};
  const FakeSystemd systemd_;
  NoParts parts_;
  protocol::StepOrder order_;
  const Fault* fault_ = nullptr;
  boost::json::object state_;
};

struct Way {
  const char* fault;
  const char* asked;
  const char* state;
  friend void PrintTo(const Way& way, std::ostream* out) { *out << way.fault; }
};
class EitherWay : public UnitFaultsTest, public testing::WithParamInterface<Way> {};

TEST_P(EitherWay, TakesItDownAndStartsItAgain) {
  use(GetParam().fault);
  be_a_service();
  const auto planned = plan();
  ASSERT_TRUE(planned) << planned.error().context;
  EXPECT_EQ(planned.value().kind, unit_kind);
  EXPECT_THAT(systemd_.asked(), IsEmpty()) << "a plan changes nothing";
  EXPECT_TRUE(revert()) << "it never was in force";
  EXPECT_THAT(systemd_.asked(), IsEmpty());
  const auto applied = apply();
  ASSERT_TRUE(applied) << applied.error().context;
  EXPECT_THAT(applied.value().text,
              HasSubstr("unit shop.service is " + std::string{GetParam().state} + "; of its 1 processes 0 are left"));
  EXPECT_FALSE(shop_.alive());
  ASSERT_TRUE(parts_.holdings().contains(4));
  EXPECT_TRUE(renews_without_end(300ms));
  for (int i = 0; i < 2; ++i) {
    const auto reverted = revert();
    ASSERT_TRUE(reverted) << reverted.error().context;
    EXPECT_THAT(reverted.value().text, HasSubstr("it is active (running), pid " + std::to_string(other_.pid())));
  }
  EXPECT_THAT(systemd_.asked(), ElementsAre(GetParam().asked, "start -- shop.service"));
  EXPECT_TRUE(parts_.holdings().empty());
}

TEST_P(EitherWay, IsNotProvenWhereNothingChanged) {
  use(GetParam().fault);
  const auto applied = apply();
  ASSERT_TRUE(applied.has_error());
  EXPECT_EQ(applied.error().kind, ErrorKind::lost);
  EXPECT_THAT(applied.error().context, HasSubstr("unit shop.service is still active (running)"));
  EXPECT_TRUE(parts_.holdings().empty());
  EXPECT_TRUE(shop_.alive());
  EXPECT_TRUE(revert());
  EXPECT_THAT(systemd_.asked(), ElementsAre(GetParam().asked)) << "it runs: nothing is started";
}

TEST_P(EitherWay, IsNotProvenWhereSystemdDoesNotDoIt) {
  use(GetParam().fault);
  systemd_.let_fail(std::string{GetParam().asked}.substr(0, 4), "Access denied");
  const auto applied = apply();
  ASSERT_TRUE(applied.has_error());
  EXPECT_THAT(applied.error().context, HasSubstr("exit code 1: Access denied"));
  EXPECT_TRUE(revert());
}

TEST_P(EitherWay, IsNotInForceAnyMoreWhereSomebodyStartsIt) {
  use(GetParam().fault);
  be_a_service();
  ASSERT_TRUE(apply());
  EXPECT_TRUE(renews_without_end(100ms));
  systemd_.set(running_again());
  EXPECT_FALSE(renews_without_end(10s));
  EXPECT_TRUE(revert());
  ASSERT_TRUE(shop_.gone_within(0));
  EXPECT_THAT(systemd_.asked(), ElementsAre(GetParam().asked)) << "it runs already";
}

TEST_P(EitherWay, IsNotInForceAnyMoreWhereSystemdDoesNotAnswer) {
  use(GetParam().fault);
  be_a_service();
  ASSERT_TRUE(apply());
  systemd_.let_hang("show");
  EXPECT_FALSE(renews_without_end(30s));
}

TEST_P(EitherWay, LeavesAloneWhatSomebodyElseHasStoppedOrMaskedSince) {
  use(GetParam().fault);
  be_a_service();
  ASSERT_TRUE(apply());
  for (const auto& [others, why] : {std::pair{FakeSystemd::Properties{{"InvocationID", next_life}}, "stopped it since"},
                                    std::pair{FakeSystemd::Properties{{"LoadState", "masked"}}, "is masked by now"}}) {
    systemd_.set(FakeSystemd::with(FakeSystemd::down(), others));
    const auto reverted = revert();
    ASSERT_TRUE(reverted) << reverted.error().context;
    EXPECT_THAT(reverted.value().text, AllOf(HasSubstr(why), HasSubstr("left alone")));
  }
  EXPECT_THAT(systemd_.asked(), ElementsAre(GetParam().asked));
}

TEST_P(EitherWay, SaysWhereItCannotBeStartedAgain) {
  use(GetParam().fault);
  be_a_service();
  ASSERT_TRUE(apply());
  systemd_.let_fail("start", "Job for shop.service failed.");
  const auto reverted = revert();
  ASSERT_TRUE(reverted.has_error());
  EXPECT_EQ(reverted.error().kind, ErrorKind::unrestored);
  EXPECT_THAT(reverted.error().context,
              AllOf(HasSubstr("unit shop.service"), HasSubstr("Job for shop.service failed.")));
}

TEST_P(EitherWay, IsUndoneByWhoeverIsLeftOfItsAgent) {
  use(GetParam().fault);
  be_a_service();
  auto record = plan().value();
  ASSERT_TRUE(run(fault_->look(parts_, order_, state_)));
  for (const char* key : {"unit", "processes"}) record.state[key] = state_[key];
  {
    auto journal = UndoJournal::create(folder_ / "state");
    ASSERT_TRUE(journal);
    ASSERT_TRUE(journal.value().append(record));
  }
  ASSERT_TRUE(run(fault_->apply(parts_, order_, state_)));
  const auto cleaned = clean_up_after_the_dead(folder_ / "state");
  EXPECT_EQ(cleaned.undone, 1);
  EXPECT_THAT(cleaned.problems, IsEmpty());
  EXPECT_THAT(systemd_.asked(), ElementsAre(GetParam().asked, "start -- shop.service"));
}

TEST_P(EitherWay, LeavesAHostAloneThatWasStartedAnew) {
  use(GetParam().fault);
  be_a_service();
  ASSERT_TRUE(apply());
  state_["unit"].as_object()["boot_id"] = "another";
  const auto reverted = revert();
  ASSERT_TRUE(reverted);
  EXPECT_THAT(reverted.value().text, HasSubstr("started anew"));
  EXPECT_THAT(systemd_.asked(), ElementsAre(GetParam().asked));
}

TEST_P(EitherWay, StartsWhatIsStillOnItsWayDown) {
  use(GetParam().fault);
  systemd_.let("start", running_again());
  ASSERT_TRUE(run(fault_->look(parts_, order_, state_)));
  systemd_.set(FakeSystemd::with(running(), {{"ActiveState", "deactivating"}, {"SubState", "stop-sigterm"}}));
  const std::jthread stopping{[this] {
    std::this_thread::sleep_for(500ms);
    systemd_.set(FakeSystemd::down());
  }};
  EXPECT_TRUE(revert());
  EXPECT_THAT(systemd_.asked(), ElementsAre("start -- shop.service"));
}

TEST_P(EitherWay, IsRefusedWithTheReason) {
  use(GetParam().fault);
  const auto expect = [&](const FakeSystemd::Properties& others, const std::string& why) {
    SCOPED_TRACE(why);
    systemd_.set(FakeSystemd::with(running(), others));
    expect_refused(why);
  };
  expect({{"LoadState", "masked"}, {"ActiveState", "inactive"}}, "cannot be used: it is masked");
  expect({{"LoadState", "bad-setting"}}, "cannot be used: it is bad-setting");
  expect({{"ActiveState", "inactive"}, {"SubState", "dead"}, {"MainPID", "0"}}, "does not run: it is inactive (dead)");
  expect({{"ActiveState", "activating"}, {"SubState", "auto-restart"}},
         "does not run: it is activating (auto-restart)");
  expect({{"SubState", "exited"}, {"MainPID", "0"}}, "does not run: it is active (exited)");
  expect({{"Job", "4711"}}, "is being started or stopped right now");
  expect({{"InvocationID", ""}}, "no invocation id");
  expect({{"Transient", "yes"}}, "is transient");
  expect({{"CanStop", "no"}}, "may not be stopped, or started, by hand");
  expect({{"CanStart", "no"}}, "may not be stopped, or started, by hand");
  expect({{"FailureAction", "reboot-force"}}, "would take the host with it (FailureAction=reboot-force)");
  expect({{"Id", "ssh.service"}, {"Names", "ssh.service shop.service"}}, "is never stopped");
  expect({{"Names", "shop.service dbus.service"}}, "is never stopped");
  expect({{"MainPID", std::to_string(getpid())}}, "this agent, or its controller, is of unit shop.service");
  expect({{"ControlPID", "1"}}, "which is protected: it is the first process of this host");
  systemd_.set({{"Id", "shop.socket"}, {"ActiveState", "active"}}, "shop.socket");
  systemd_.set({{"Id", "shop.timer"}, {"ActiveState", "inactive"}}, "shop.timer");
  expect({{"TriggeredBy", "shop.timer shop.socket"}}, "would be started again at any time by shop.socket: stop that");
  systemd_.set({{"Id", "bound.service"}, {"ActiveState", "active"}}, "bound.service");
  expect({{"BoundBy", "bound.service"}}, "takes others down with it, which nobody would start again: bound.service");
  systemd_.set(FakeSystemd::with(running(), {{"TriggeredBy", "shop.timer"}, {"BoundBy", "multi.target"}}));
  EXPECT_TRUE(plan()) << "what does not run is no hindrance";
}

TEST_P(EitherWay, IsRefusedWhereThePolicyProtectsAProcess) {
  use(GetParam().fault);
  const auto path = folder_ / "policy.json";
  std::ofstream{path} << R"({"protected_processes": [")" << name_ << "\"]}";
  std::filesystem::permissions(path, std::filesystem::perms::owner_read);
  setenv("TROOP_POLICY", path.c_str(), 1);
  expect_refused("'protected_processes' of policy file " + path.string() + " has \"" + name_ + "\"");
}

TEST_P(EitherWay, IsRefusedByNameAlone) {
  use(GetParam().fault);
  for (const char* name : {"", "shop", "shop.socket", "shop@.service", "../shop.service", "shop.service --now",
                           "shop.service; reboot", "*.service", "-H.service", "shop\n.service"}) {
    order_.parameters["unit"] = std::string{name};
    expect_refused("is no whole name of a service");
  }
  for (const char* name : {"ssh.service", "sshd.service", "systemd-journald.service", "systemd-logind.service",
                           "dbus.service", "dbus-broker.service", "user@1000.service", "troop-agent.service"}) {
    order_.parameters["unit"] = std::string{name};
    expect_refused("is never stopped");
  }
  order_.parameters["unit"] = std::string{"no-such.service"};
  expect_refused("is not known to systemd");
  order_.parameters["container"] = std::string{"shop"};
  expect_refused("and nothing else");
}

TEST_P(EitherWay, IsRefusedWithoutSystemd) {
  use(GetParam().fault);
  setenv("TROOP_SYSTEMCTL", "/nowhere/systemctl", 1);
  expect_refused("/nowhere/systemctl");
  setenv("TROOP_SYSTEMCTL", systemd_.program().c_str(), 1);
  systemd_.let_fail("show", "System has not been booted with systemd as init system (PID 1). Can't operate.");
  expect_refused("exit code 1: System has not been booted with systemd");
}

INSTANTIATE_TEST_SUITE_P(, EitherWay,
                         testing::Values(Way{"service.stop", "stop -- shop.service", "inactive (dead)"},
                                         Way{"instance.kill", "kill --signal=SIGKILL -- shop.service",
                                             "failed (failed)"}),
                         [](const auto& each) { return std::string{each.param.fault}.substr(0, 7); });

TEST_F(UnitFaultsTest, StopsWithOthersThatNeedItAreRefusedAndKillsAreNot) {
  systemd_.set({{"Id", "needs.service"}, {"ActiveState", "active"}}, "needs.service");
  for (const char* how : {"RequiredBy", "RequisiteOf", "ConsistsOf", "PropagatesStopTo"}) {
    systemd_.set(FakeSystemd::with(running(), {{how, "needs.service"}}));
    use("service.stop");
    expect_refused("takes others down with it, which nobody would start again: needs.service");
    use("instance.kill");
    EXPECT_TRUE(plan()) << how;
  }
}

TEST_F(UnitFaultsTest, AKilledOneMayComeBackByItself) {
  use("instance.kill");
  const FakeSystemd::Properties always{{"Restart", "always"}};
  systemd_.set(FakeSystemd::with(running(), always));
  systemd_.let("kill", FakeSystemd::with(running_again(), always), {shop_.pid()});
  systemd_.let("start", running_again());
  const auto applied = apply();
  ASSERT_TRUE(applied) << applied.error().context;
  EXPECT_THAT(applied.value().text, AllOf(HasSubstr("of its 1 processes 0 are left"), HasSubstr("brings it back")));
  EXPECT_FALSE(shop_.alive());
  EXPECT_TRUE(parts_.holdings().empty());
  EXPECT_TRUE(revert());
  EXPECT_THAT(systemd_.asked(), ElementsAre("kill --signal=SIGKILL -- shop.service")) << "nothing is started";
}

TEST_F(UnitFaultsTest, AKilledOneIsStartedWhereItDidNotComeBackByItself) {
  use("instance.kill");
  const FakeSystemd::Properties always{{"Restart", "always"}};
  systemd_.set(FakeSystemd::with(running(), always));
  systemd_.let("kill",
               FakeSystemd::with(FakeSystemd::down("failed"),
                                 {{"Restart", "always"}, {"Result", "start-limit-hit"}, {"InvocationID", next_life}}),
               {shop_.pid()});
  systemd_.let("start", running_again());
  ASSERT_TRUE(apply());
  EXPECT_TRUE(revert());
  EXPECT_THAT(systemd_.asked(), ElementsAre("kill --signal=SIGKILL -- shop.service", "reset-failed -- shop.service",
                                            "start -- shop.service"));
  // What systemd would have brought back is down without having failed: somebody stopped it.
  systemd_.set(FakeSystemd::with(FakeSystemd::down(), always));
  const auto again = revert();
  ASSERT_TRUE(again);
  EXPECT_THAT(again.value().text, HasSubstr("left alone"));
  EXPECT_THAT(systemd_.asked(), testing::SizeIs(3));
}

TEST_F(UnitFaultsTest, AKillMeansAllProcessesOfItsControlGroup) {
  const std::string group = "/" + name_ + ".service";
  const std::filesystem::path folder = "/sys/fs/cgroup/pids" + group;
  std::error_code failure;
  if (!std::filesystem::create_directory(folder, failure)) GTEST_SKIP() << "no control group can be made here";
  std::ofstream{folder / "cgroup.procs"} << shop_.pid() << std::flush;
  std::ofstream{folder / "cgroup.procs"} << other_.pid() << std::flush;
  use("instance.kill");
  systemd_.set(FakeSystemd::with(running(), {{"ControlGroup", group}}));
  systemd_.let("kill", FakeSystemd::down("failed"), {shop_.pid()});
  const auto one_left = apply();
  EXPECT_TRUE(one_left.has_error());
  // The main process is gone, and so a stop would be proven; a kill is not.
  if (one_left.has_error()) {
    EXPECT_THAT(one_left.error().context, HasSubstr("with 1 of its processes"));
  }
  systemd_.set(FakeSystemd::with(FakeSystemd::running(other_.pid()), {{"ControlGroup", group}}));
  systemd_.let("kill", FakeSystemd::down("failed"), {other_.pid()});
  const auto applied = apply();
  EXPECT_TRUE(applied.has_value());
  EXPECT_TRUE(other_.gone_within(5000));
  EXPECT_TRUE(test::eventually([&] { return std::filesystem::remove(folder, failure); }, 5s)) << failure.message();
}

TEST_F(UnitFaultsTest, NobodyIsWaitedForWithoutEnd) {
  systemd_.let_hang("start");
  const auto begun = monotonic_ns();
  const auto asked = ask_systemctl_now({"start", "--", FakeSystemd::unit}, 300ms);
  ASSERT_TRUE(asked.has_error());
  EXPECT_EQ(asked.error().kind, ErrorKind::timeout);
  EXPECT_LT(monotonic_ns() - begun, Duration{20s}.count());
  EXPECT_THAT(children(), IsEmpty());
  const std::vector<std::string> again{"start", "--", FakeSystemd::unit};
  EXPECT_EQ(run(ask_systemctl(again, 300ms)).error().kind, ErrorKind::timeout);
  EXPECT_THAT(children(), IsEmpty());
}

}  // namespace
}  // namespace troop::agents
