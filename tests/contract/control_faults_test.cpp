// What every fault owes that steers a running broker, over the whole table, on a broker in memory.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <csignal>
#include <set>

#include "agents/fault.hpp"
#include "scenarios/model/faults/catalogue.hpp"
#include "tests/support/coroutine.hpp"
#include "tests/support/fake_broker.hpp"
#include "tests/support/fault_name.hpp"
#include "tests/support/temporary_folder.hpp"

namespace troop::agents {
namespace {

using namespace std::chrono_literals;
using test::FakeControl;
using testing_support::run;

/// A process that sleeps in the broker's place; ready while it lives.
class SleepingBroker : public Part {
 public:
  explicit SleepingBroker(std::string output) : output_(std::move(output)) {}
  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] std::string_view kind() const override { return "broker"; }
  [[nodiscard]] Process& process() override { return process_; }
  Result<void> start() override {
    BOOST_OUTCOME_TRY(process_, Process::spawn(Spawn{{"/bin/sleep", "1000"}, {}, output_, {}}));
    return success();
  }
  asio::awaitable<Result<Proof>> ready() override { co_return Proof{monotonic_ns(), "AMQP answered"}; }

 private:
  std::string name_{"broker"};
  std::string output_;
  Process process_;
};

struct BrokerParts : Parts {
  explicit BrokerParts(std::string output) : part(std::move(output)) {}
  Part* find(std::string_view name) override { return name == part.name() ? &part : nullptr; }
  BrokerControl* broker_control() override { return started ? &control : nullptr; }
  [[nodiscard]] WorkloadRoute route() const override { return {"work", "shop"}; }
  SleepingBroker part;
  FakeControl control;
  bool started = true;
};

class EveryControlFault : public testing::TestWithParam<Fault> {
 protected:
  void SetUp() override {
    ASSERT_TRUE(parts_.part.start());
    order_.number = 1;
    order_.fault = GetParam().name;
    order_.victim = "broker";
    spec_ = *model::find_fault(model::faults(), GetParam().name);
    if (order_.fault == "broker.policy") order_.parameters["definition"] = std::string{R"({"max-length": 5})"};
    before_ = control().picture();
  }
  FakeControl& control() { return parts_.control; }
  /// The record as it comes back from the journal: through text.
  Result<boost::json::object> seen() {
    BOOST_OUTCOME_TRY(auto record, GetParam().plan(parts_, order_));
    if (GetParam().look != nullptr) {
      BOOST_OUTCOME_TRYV(run(GetParam().look(parts_, order_, record.state)));
    }
    return boost::json::parse(boost::json::serialize(record.state)).get_object();
  }
  Result<Proof> apply(const boost::json::object& state) { return run(GetParam().apply(parts_, order_, state)); }
  Result<Proof> revert(const boost::json::object& state) { return run(GetParam().revert(parts_, order_, state)); }
  [[nodiscard]] bool leaves_a_mark() const {
    static const std::set<std::string_view> none{"broker.close_connections", "broker.close_channel", "broker.purge"};
    return !none.contains(GetParam().name);
  }

  testing_support::TemporaryFolder folder_;
  BrokerParts parts_{folder_ / "out"};
  protocol::StepOrder order_;
  model::FaultSpec spec_;
  std::string before_;
};

TEST_P(EveryControlFault, IsPlannedBeforeThereIsABroker) {
  parts_.started = false;
  const auto undo = GetParam().plan(parts_, order_);
  ASSERT_TRUE(undo) << undo.error().context;
  EXPECT_EQ(undo.value().state.at("fault").as_string(), GetParam().name);
  EXPECT_EQ(undo.value().state.at("victim").as_string(), "broker");
  EXPECT_EQ(control().calls, 0);
  EXPECT_TRUE(apply(undo.value().state).has_error());
}

TEST_P(EveryControlFault, RefusesAVictimThatIsNotThere) {
  const auto state = seen();
  ASSERT_TRUE(state) << state.error().context;
  order_.victim = "nobody";
  const auto undo = GetParam().plan(parts_, order_);
  ASSERT_TRUE(undo.has_error());
  EXPECT_EQ(undo.error().kind, ErrorKind::usage);
  EXPECT_TRUE(apply(state.value()).has_error());
  EXPECT_TRUE(revert(boost::json::object{}).has_error());
  EXPECT_EQ(control().picture(), before_);
}

TEST_P(EveryControlFault, ChangesNothingWhenItLooks) {
  const auto state = seen();
  ASSERT_TRUE(state) << state.error().context;
  EXPECT_EQ(control().picture(), before_);
}

TEST_P(EveryControlFault, ProvesItsEffectAndPutsEverythingBack) {
  const auto state = seen();
  ASSERT_TRUE(state) << state.error().context;
  const std::int64_t asked = monotonic_ns();
  const auto applied = apply(state.value());
  ASSERT_TRUE(applied) << applied.error().context;
  EXPECT_GE(applied.value().time, asked);
  EXPECT_FALSE(applied.value().text.empty());
  EXPECT_EQ(control().picture() != before_, leaves_a_mark());
  for (int time = 0; time < 2; ++time) {
    const auto reverted = revert(state.value());
    ASSERT_TRUE(reverted) << reverted.error().context;
    EXPECT_FALSE(reverted.value().text.empty());
    EXPECT_EQ(control().picture(), before_);
  }
}

TEST_P(EveryControlFault, KnowsWhetherItIsInForce) {
  const bool comes_back_by_itself = GetParam().name.starts_with("broker.delete_");  // clients declare what they need
  ASSERT_EQ(GetParam().in_force != nullptr, leaves_a_mark() && !comes_back_by_itself);
  if (GetParam().in_force == nullptr) return;
  const auto state = seen();
  ASSERT_TRUE(state) << state.error().context;
  ASSERT_TRUE(apply(state.value()));
  const std::string applied = control().picture();
  const auto now = run(GetParam().in_force(parts_, order_, state.value()));
  EXPECT_TRUE(now) << now.error().context;
  EXPECT_EQ(control().picture(), applied);
  ASSERT_TRUE(revert(state.value()));  // as if by somebody else
  const auto later = run(GetParam().in_force(parts_, order_, state.value()));
  ASSERT_TRUE(later.has_error());
  EXPECT_EQ(later.error().kind, ErrorKind::lost);
  EXPECT_THAT(later.error().context, testing::HasSubstr(order_.fault));
}

TEST_P(EveryControlFault, IsUndoneWhereverItWasCutShort) {
  for (int cut = 0; cut < 12; ++cut) {
    SCOPED_TRACE(cut);
    control().messages = 7;
    const auto state = seen();
    ASSERT_TRUE(state) << state.error().context;
    control().calls = 0;
    control().fails_at = cut;
    const bool proven = apply(state.value()).has_value();
    const bool reached = control().calls > cut;
    EXPECT_EQ(proven, !reached) << "what was not seen is not claimed";
    control().fails_at = -1;
    const auto reverted = revert(state.value());
    ASSERT_TRUE(reverted) << reverted.error().context;
    EXPECT_EQ(control().picture(), before_);
    if (!reached) return;
  }
  FAIL() << "a fault of more than a dozen calls?";
}

TEST_P(EveryControlFault, IsUndoneWhereItNeverLooked) {
  const auto undo = GetParam().plan(parts_, order_);
  ASSERT_TRUE(undo);
  const auto reverted = revert(undo.value().state);
  ASSERT_TRUE(reverted) << reverted.error().context;
  EXPECT_EQ(control().picture(), before_);
}

TEST_P(EveryControlFault, ClaimsNoEffectWhereNothingHappened) {
  const auto state = seen();
  ASSERT_TRUE(state) << state.error().context;
  control().ignores = true;
  const auto applied = apply(state.value());
  // A binding that is still there may be a client's, declared again: the proof says so.
  if (GetParam().name == "broker.delete_binding") {
    ASSERT_TRUE(applied);
    EXPECT_THAT(applied.value().text, testing::HasSubstr("again"));
  } else {
    EXPECT_TRUE(applied.has_error());
  }
}

TEST_P(EveryControlFault, SaysAtOnceThatADeadBrokerCannotBePutBack) {
  const auto state = seen();
  ASSERT_TRUE(state) << state.error().context;
  ASSERT_TRUE(apply(state.value()));
  ASSERT_TRUE(parts_.part.process().signal(SIGKILL));
  ASSERT_TRUE(run(parts_.part.process().ended_within(20s)));
  control().calls = 0;
  const auto reverted = revert(state.value());
  ASSERT_TRUE(reverted.has_error());
  EXPECT_EQ(reverted.error().kind, ErrorKind::unrestored);
  EXPECT_EQ(control().calls, 0) << "nobody is there to ask";
}

TEST_P(EveryControlFault, IsLoudWhenTheBrokerDoesNotTakeTheUndo) {
  if (!leaves_a_mark()) GTEST_SKIP() << "there is nothing to put back";
  const auto state = seen();
  ASSERT_TRUE(state) << state.error().context;
  ASSERT_TRUE(apply(state.value()));
  control().dead = true;
  const auto unanswered = revert(state.value());
  ASSERT_TRUE(unanswered.has_error());
  EXPECT_EQ(unanswered.error().kind, ErrorKind::unrestored);
  control().failure = ErrorKind::cancelled;
  EXPECT_EQ(revert(state.value()).error().kind, ErrorKind::cancelled) << "who ends the run is not told of a failure";
}

TEST_P(EveryControlFault, RefusesWhatNoChoiceOffers) {
  for (const auto& parameter : spec_.parameters) {
    if (parameter.choices.empty() || parameter.name == "apply_to") continue;
    for (const auto choice : parameter.choices) {
      order_.parameters[std::string{parameter.name}] = std::string{choice};
      EXPECT_TRUE(GetParam().plan(parts_, order_)) << choice;
    }
    for (const model::Value& wrong : {model::Value{"no such choice"}, model::Value{std::int64_t{9}}}) {
      order_.parameters[std::string{parameter.name}] = wrong;
      EXPECT_TRUE(GetParam().plan(parts_, order_).has_error());
    }
  }
}

std::vector<Fault> control_faults() {
  static const std::set<std::string_view> others{"broker.kill", "broker.pause", "broker.restart", "broker.stop"};
  std::vector<Fault> found;
  for (const auto& fault : faults()) {
    if (fault.name.starts_with("broker.") && !others.contains(fault.name)) found.push_back(fault);
  }
  return found;
}

INSTANTIATE_TEST_SUITE_P(, EveryControlFault, testing::ValuesIn(control_faults()), [](const auto& each) {
  std::string name{each.param.name};
  name.replace(name.find('.'), 1, "_");
  return name;
});

/// One fault with its own particulars.
class ControlFaultTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(parts_.part.start()); }
  Result<boost::json::object> seen(const char* name) {
    fault_ = find_fault(name);
    order_.fault = name;
    order_.victim = "broker";
    BOOST_OUTCOME_TRY(auto record, fault_->plan(parts_, order_));
    BOOST_OUTCOME_TRYV(run(fault_->look(parts_, order_, record.state)));
    return record.state;
  }
  testing_support::TemporaryFolder folder_;
  BrokerParts parts_{folder_ / "out"};
  protocol::StepOrder order_;
  const Fault* fault_ = nullptr;
};

TEST_F(ControlFaultTest, APolicyThatWasThereComesBack) {
  boost::json::object former{{"name", "troop.policy"}, {"pattern", "^other"}, {"apply_to", "all"}, {"priority", 3}};
  former["definition"] = boost::json::object{{"message-ttl", 100}};
  parts_.control.policies["troop.policy"] = former;
  order_.parameters["definition"] = std::string{R"({"max-length": 5})"};
  const auto state = seen("broker.policy");
  ASSERT_TRUE(state);
  ASSERT_TRUE(run(fault_->apply(parts_, order_, state.value())));
  EXPECT_NE(parts_.control.policies["troop.policy"], former);
  ASSERT_TRUE(run(fault_->revert(parts_, order_, state.value())));
  EXPECT_EQ(parts_.control.policies["troop.policy"], former);
}

TEST_F(ControlFaultTest, APolicyUnderAHigherOneIsNotProven) {
  boost::json::object higher{{"name", "ops"}, {"pattern", "."}, {"apply_to", "all"}, {"priority", 99'999}};
  higher["definition"] = boost::json::object{{"message-ttl", 100}};
  parts_.control.policies["ops"] = higher;
  const auto state = seen("broker.queue_full");
  ASSERT_TRUE(state);
  EXPECT_TRUE(run(fault_->apply(parts_, order_, state.value())).has_error());
  ASSERT_TRUE(run(fault_->revert(parts_, order_, state.value())));
  EXPECT_EQ(parts_.control.policies.size(), 1U);
}

TEST_F(ControlFaultTest, ADefinitionThatIsNoJsonObjectIsRefused) {
  order_.fault = "broker.policy";
  order_.victim = "broker";
  for (const char* wrong : {"", "{}", "[]", "5", "max-length=5", "{\"a\":"}) {
    order_.parameters["definition"] = std::string{wrong};
    EXPECT_TRUE(find_fault("broker.policy")->plan(parts_, order_).has_error()) << wrong;
  }
}

TEST_F(ControlFaultTest, AnAlarmThatIsInForceAlreadyIsNotOurs) {
  parts_.control.memory = std::int64_t{1000};
  EXPECT_TRUE(seen("broker.memory_alarm").has_error());
  parts_.control.disk = std::int64_t{1} << 59;
  EXPECT_TRUE(seen("broker.disk_alarm").has_error());
}

TEST_F(ControlFaultTest, AnEmptyQueueIsNotPurged) {
  const auto state = seen("broker.purge");
  ASSERT_TRUE(state);
  parts_.control.messages = 0;
  const auto applied = run(fault_->apply(parts_, order_, state.value()));
  ASSERT_TRUE(applied.has_error());
  EXPECT_THAT(applied.error().context, testing::HasSubstr("empty"));
}

TEST_F(ControlFaultTest, AQueueThatIsNotThereIsNamed) {
  for (const char* name : {"broker.purge", "broker.delete_queue", "broker.queue_full", "broker.delete_binding"}) {
    order_.parameters["queue"] = std::string{"nowhere"};
    const auto state = seen(name);
    ASSERT_TRUE(state.has_error()) << name;
    EXPECT_THAT(state.error().context, testing::HasSubstr("nowhere"));
  }
}

TEST_F(ControlFaultTest, ABrokersOwnExchangeIsRefused) {
  for (const char* name : {"", "amq.direct"}) {
    order_.fault = "broker.delete_exchange";
    order_.victim = "broker";
    order_.parameters["exchange"] = std::string{name};
    const auto undo = find_fault("broker.delete_exchange")->plan(parts_, order_);
    ASSERT_TRUE(undo.has_error());
    EXPECT_EQ(undo.error().kind, ErrorKind::usage);
  }
}

TEST_F(ControlFaultTest, AQueueThatAClientDeclaredOtherwiseIsNotRestored) {
  const auto state = seen("broker.delete_queue");
  ASSERT_TRUE(state);
  ASSERT_TRUE(run(fault_->apply(parts_, order_, state.value())));
  parts_.control.queues["work"] = {{"name", "work"}, {"durable", false}, {"auto_delete", false}, {"exclusive", false}};
  parts_.control.queues["work"]["arguments"] = boost::json::object{};
  const auto reverted = run(fault_->revert(parts_, order_, state.value()));
  ASSERT_TRUE(reverted.has_error());
  EXPECT_EQ(reverted.error().kind, ErrorKind::unrestored);
}

}  // namespace
}  // namespace troop::agents
