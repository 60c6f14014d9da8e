// What every fault owes that acts on a process, on a part that is a real one. The others: control_faults_test.cpp.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/wait.h>

#include <csignal>
#include <set>

#include "agents/fault.hpp"
#include "scenarios/model/faults/catalogue.hpp"
#include "tests/support/coroutine.hpp"
#include "tests/support/fault_name.hpp"
#include "tests/support/temporary_folder.hpp"

namespace troop::agents {

namespace {

using namespace std::chrono_literals;
using testing_support::run;

constexpr std::string_view victim_name = "victim";

/// Ready means that the process runs and is not stopped.
class SleepingPart : public Part {
 public:
  explicit SleepingPart(std::string output) : output_(std::move(output)) {}
  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] std::string_view kind() const override { return "consumer"; }
  [[nodiscard]] Process& process() override { return process_; }
  Result<void> start() override {
    ++starts_;
    const Spawn what{{"/bin/sleep", "1000"}, {}, output_, {}};
    BOOST_OUTCOME_TRY(process_, Process::spawn(what));
    return success();
  }
  asio::awaitable<Result<Proof>> ready() override {
    const char state = process_state(process_.pid());
    const bool good = process_.alive() && (state == 'S' || state == 'R' || state == 'D');
    if (!good) co_return Error{ErrorKind::unrestored, fmt::format("the part is in state {}", state)};
    meant_to_run = true;
    const std::int64_t now = monotonic_ns();
    co_return Proof{now, "it sleeps"};
  }
  [[nodiscard]] int starts() const { return starts_; }

 private:
  std::string name_{victim_name};
  std::string output_;
  Process process_;
  int starts_ = 0;
};

struct OnePart : Parts {
  explicit OnePart(std::string output) : part(std::move(output)) {}
  Part* find(std::string_view name) override { return name == part.name() ? &part : nullptr; }
  SleepingPart part;
};

class EveryFault : public testing::TestWithParam<Fault> {
 protected:
  void SetUp() override {
    ASSERT_TRUE(parts_.part.start());
    ASSERT_TRUE(run(parts_.part.ready()));
    order_.number = 1;
    order_.fault = GetParam().name;
    order_.victim = victim_name;
    const model::FaultSpec* spec = model::find_fault(model::faults(), GetParam().name);
    ASSERT_NE(spec, nullptr);
    spec_ = *spec;
  }

  Process& process() { return parts_.part.process(); }
  [[nodiscard]] bool is_running() {
    const char state = process_state(process().pid());
    return process().alive() && (state == 'S' || state == 'R' || state == 'D');
  }
  /// All that a fault could change about the part.
  std::string picture() {
    return fmt::format("pid {} started {} state {} starts {} meant {}", process().pid(),
                       process().identity().start_time, is_running() ? "running" : "not running", parts_.part.starts(),
                       parts_.part.meant_to_run);
  }
  Result<Proof> apply() { return run(GetParam().apply(parts_, order_, nothing_)); }
  Result<Proof> revert() { return run(GetParam().revert(parts_, order_, nothing_)); }
  void expect_proven(const Result<Proof>& result, std::int64_t since) {
    ASSERT_TRUE(result) << result.error().context;
    EXPECT_GE(result.value().time, since);
    EXPECT_LE(result.value().time, monotonic_ns());
    EXPECT_FALSE(result.value().text.empty());
  }
  void expect_effective() {
    if (GetParam().name.ends_with(".pause")) {
      EXPECT_TRUE(process().alive());
      EXPECT_EQ(process_state(process().pid()), 'T');
    } else {
      EXPECT_FALSE(process().alive());
    }
  }
  void end_it_behind_everybodys_back() {
    ASSERT_TRUE(process().signal(SIGKILL));
    ASSERT_TRUE(run(process().ended_within(20s)));
  }

  testing_support::TemporaryFolder folder_;
  OnePart parts_{folder_ / "out"};
  protocol::StepOrder order_;
  const boost::json::object nothing_;  ///< These faults restore no values.
  model::FaultSpec spec_;
};

TEST(FaultTable, IsNotEmptyAndSaysWhatTheCatalogueSays) {
  ASSERT_GE(faults().size(), 18U);
  std::set<std::string_view> done;
  std::set<std::string_view> described;
  for (const auto& fault : faults()) EXPECT_TRUE(done.insert(fault.name).second) << fault.name << " is there twice";
  for (const auto& spec : model::faults()) {
    if (!spec.composed) described.insert(spec.name);
  }
  EXPECT_EQ(done, described);
}

TEST(FaultTable, FindsByNameAndOnlyThat) {
  for (const auto& fault : faults()) {
    const Fault* found = find_fault(fault.name);
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(found->name, fault.name);
    EXPECT_NE(found->plan, nullptr);
    EXPECT_NE(found->apply, nullptr);
    EXPECT_NE(found->revert, nullptr);
  }
  EXPECT_EQ(find_fault(""), nullptr);
  EXPECT_EQ(find_fault("broker"), nullptr);
  EXPECT_EQ(find_fault("broker.stop "), nullptr);
}

TEST_P(EveryFault, ChangesNothingWhenItIsPlanned) {
  const std::string before = picture();
  const auto undo = GetParam().plan(parts_, order_);
  ASSERT_TRUE(undo) << undo.error().context;
  EXPECT_EQ(undo.value().kind, "fault");
  EXPECT_EQ(undo.value().state.at("fault").as_string(), GetParam().name);
  EXPECT_EQ(undo.value().state.at("victim").as_string(), victim_name);
  EXPECT_EQ(picture(), before);
}

TEST_P(EveryFault, RefusesAVictimThatIsNotThere) {
  const std::string before = picture();
  for (const char* nobody : {"nobody", "", "Victim"}) {
    order_.victim = nobody;
    const auto undo = GetParam().plan(parts_, order_);
    ASSERT_TRUE(undo.has_error()) << nobody;
    EXPECT_EQ(undo.error().kind, ErrorKind::usage);
    EXPECT_THAT(undo.error().context, testing::HasSubstr(fmt::format("'{}'", nobody)));
    EXPECT_THAT(undo.error().context, testing::HasSubstr(std::string{GetParam().name}));
    EXPECT_TRUE(apply().has_error());
    EXPECT_TRUE(revert().has_error());
  }
  EXPECT_EQ(picture(), before);
}

TEST_P(EveryFault, TakesEveryChoiceThatTheCatalogueOffers) {
  for (const auto& parameter : spec_.parameters) {
    for (const auto choice : parameter.choices) {
      order_.parameters = {{std::string{parameter.name}, std::string{choice}}};
      EXPECT_TRUE(GetParam().plan(parts_, order_)) << choice;
    }
    if (parameter.choices.empty()) continue;
    for (const model::Value& wrong :
         {model::Value{"no such choice"}, model::Value{""}, model::Value{std::int64_t{9}}, model::Value{true}}) {
      order_.parameters = {{std::string{parameter.name}, wrong}};
      const auto undo = GetParam().plan(parts_, order_);
      ASSERT_TRUE(undo.has_error()) << model::to_text(wrong);
      EXPECT_EQ(undo.error().kind, ErrorKind::usage);
      EXPECT_THAT(undo.error().context, testing::HasSubstr(std::string{parameter.name}));
    }
  }
}

TEST_P(EveryFault, ProvesThatItTookEffectAndThatItIsOver) {
  const std::int64_t asked = monotonic_ns();
  const pid_t pid = process().pid();
  const auto applied = apply();
  expect_proven(applied, asked);
  EXPECT_THAT(applied.value().text, testing::HasSubstr(std::to_string(pid))) << "names what it hit";
  expect_effective();

  const std::int64_t undo_asked = monotonic_ns();
  expect_proven(revert(), undo_asked);
  EXPECT_TRUE(is_running());
  EXPECT_TRUE(parts_.part.meant_to_run) << "from now on its end is a surprise";
  const std::string after = picture();

  expect_proven(revert(), undo_asked);
  EXPECT_EQ(picture(), after) << "undone twice is undone";
}

TEST_P(EveryFault, KnowsWhetherItIsInForce) {
  ASSERT_EQ(GetParam().in_force == nullptr, GetParam().name == "broker.restart");
  if (GetParam().in_force == nullptr) return;
  const auto ask = [&] { return run(GetParam().in_force(parts_, order_, nothing_)); };
  expect_proven(apply(), 0);
  EXPECT_TRUE(ask());
  expect_effective();
  const bool paused = process().alive();
  if (paused) {
    ASSERT_TRUE(process().signal(SIGCONT));
  } else {
    ASSERT_TRUE(parts_.part.start());
  }
  for (const std::int64_t deadline = monotonic_ns() + Duration{20s}.count(); !is_running();) {
    ASSERT_LT(monotonic_ns(), deadline);
  }
  const auto later = ask();
  ASSERT_TRUE(later.has_error()) << "somebody else has put it back";
  EXPECT_EQ(later.error().kind, ErrorKind::lost);
  EXPECT_THAT(later.error().context, testing::HasSubstr(paused ? "goes on" : "runs again"));
}

TEST_P(EveryFault, CanBeAppliedAgainAfterItWasUndone) {
  for (int round = 0; round < 3; ++round) {
    expect_proven(apply(), 0);
    expect_effective();
    expect_proven(revert(), 0);
    EXPECT_TRUE(is_running());
  }
}

TEST_P(EveryFault, IsUndoneWhereItNeverWasInForce) {
  const std::string before = picture();
  expect_proven(revert(), 0);
  EXPECT_EQ(picture(), before) << "a part that runs is not started again";
}

TEST_P(EveryFault, ClaimsNoEffectOnAPartThatHadEndedAlready) {
  end_it_behind_everybodys_back();
  const auto applied = apply();
  ASSERT_TRUE(applied.has_error());
  EXPECT_FALSE(applied.error().context.empty());
}

TEST_P(EveryFault, ClaimsNoRecoveryOfAPartThatDiedMeanwhile) {
  ASSERT_TRUE(apply());
  if (process().alive()) end_it_behind_everybodys_back();
  const auto reverted = revert();
  // Either it is back and that was seen, or the failure is said loudly: never anything between.
  EXPECT_EQ(reverted.has_value(), is_running());
  if (GetParam().name.ends_with(".pause")) {
    ASSERT_TRUE(reverted.has_error()) << "it died of something else, which undo must not hide";
    EXPECT_EQ(reverted.error().kind, ErrorKind::unrestored);
  } else {
    EXPECT_TRUE(reverted);
  }
}

/// Those that steer the broker have values to look at.
std::vector<Fault> process_faults() {
  std::vector<Fault> found;
  for (const char* name :
       {"broker.kill", "broker.pause", "broker.restart", "broker.stop", "process.kill", "process.pause"}) {
    found.push_back(*find_fault(name));
  }
  return found;
}

INSTANTIATE_TEST_SUITE_P(, EveryFault, testing::ValuesIn(process_faults()), [](const auto& each) {
  std::string name{each.param.name};
  name.replace(name.find('.'), 1, "_");
  return name;
});

class EverySignal : public EveryFault {};

TEST_P(EverySignal, EndsTheProcessByTheSignalThatWasChosen) {
  const std::map<std::string_view, int> numbers{{"SIGKILL", SIGKILL}, {"SIGTERM", SIGTERM}, {"SIGINT", SIGINT},
                                                {"SIGQUIT", SIGQUIT}, {"SIGABRT", SIGABRT}, {"SIGSEGV", SIGSEGV}};
  ASSERT_EQ(spec_.parameters[0].name, "signal");
  for (const auto& [choice, number] : numbers) {
    EXPECT_THAT(spec_.parameters[0].choices, testing::Contains(choice));
    order_.parameters = {{"signal", std::string{choice}}};
    ASSERT_TRUE(apply()) << choice;
    EXPECT_EQ(process().ending(), fmt::format("killed by signal {}", number));
    ASSERT_TRUE(revert());
  }
  for (const auto choice : spec_.parameters[0].choices) {
    order_.parameters = {{"signal", std::string{choice}}};
    ASSERT_TRUE(apply()) << choice << " does not end a process";
    ASSERT_TRUE(revert());
  }
  order_.parameters.clear();
  ASSERT_TRUE(apply());
  EXPECT_EQ(process().ending(), "killed by signal 9") << "as the catalogue's default says";
  EXPECT_EQ(spec_.parameters[0].fallback, "SIGKILL");
}

INSTANTIATE_TEST_SUITE_P(ProcessKill, EverySignal, testing::Values(*find_fault("process.kill")),
                         [](const auto&) { return std::string{"process_kill"}; });

}  // namespace
}  // namespace troop::agents
