// The faults that steer a broker, on a real RabbitMQ without workers: what they do to definitions, to clients that
// speak plain AMQP, and that all of it is put back. One broker for all of them, but for those that end it.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <csignal>
#include <filesystem>
#include <optional>
#include <thread>

#include "agents/fault.hpp"
#include "tests/support/coroutine.hpp"
#include "tests/support/plain_amqp.hpp"
#include "tests/support/private_broker.hpp"
#include "tests/support/shared_broker.hpp"
#include "tests/support/temporary_folder.hpp"

namespace troop::agents {
namespace {

using namespace std::chrono_literals;
using test::PlainAmqp;
using test::PrivateBroker;
using testing::HasSubstr;
using testing_support::run;

/// A private broker as the part "broker".
class RealPart : public Part {
 public:
  explicit RealPart(ManagedBroker& broker) : broker_(broker) {}
  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] std::string_view kind() const override { return "broker"; }
  [[nodiscard]] Process& process() override { return broker_.process(); }
  Result<void> start() override { return broker_.spawn(); }
  asio::awaitable<Result<Proof>> ready() override {
    BOOST_OUTCOME_CO_TRY(co_await broker_.ready());
    co_return Proof{monotonic_ns(), "AMQP answered"};
  }

 private:
  std::string name_{"broker"};
  ManagedBroker& broker_;
};

struct RealParts : Parts {
  explicit RealParts(ManagedBroker& broker) : part(broker), managed(broker) {}
  Part* find(std::string_view name) override { return name == part.name() ? &part : nullptr; }
  BrokerControl* broker_control() override { return managed.control(); }
  [[nodiscard]] WorkloadRoute route() const override { return {"troop.work", "troop.shop"}; }
  RealPart part;
  ManagedBroker& managed;
};

class BrokerControlTest : public testing::Test {
 protected:
  static void TearDownTestSuite() { broker_.end(); }

  void SetUp() override {
    const auto started = broker_.start();
    ASSERT_TRUE(started) << started.error().context;
    parts_.emplace(broker_->managed());
    PlainAmqp amqp{broker_->address()};
    ASSERT_TRUE(amqp.good());
    entries_[0].key = amqp_cstring_bytes("x-max-length");
    entries_[0].value.kind = AMQP_FIELD_KIND_I32;
    entries_[0].value.value.i32 = 5000;
    entries_[1].key = amqp_cstring_bytes("x-overflow");
    entries_[1].value.kind = AMQP_FIELD_KIND_UTF8;
    entries_[1].value.value.bytes = amqp_cstring_bytes("reject-publish");
    amqp_exchange_declare(amqp.get(), PlainAmqp::channel, amqp_cstring_bytes("troop.shop"),
                          amqp_cstring_bytes("direct"), 0, 1, 0, 0, amqp_empty_table);
    ASSERT_TRUE(amqp.answered());
    ASSERT_TRUE(declare_queue(amqp));
    for (const char* key : {"order", "it's \"quoted\" \\ ünïcode"}) {
      amqp_queue_bind(amqp.get(), PlainAmqp::channel, amqp_cstring_bytes("troop.work"),
                      amqp_cstring_bytes("troop.shop"), amqp_cstring_bytes(key), amqp_empty_table);
      ASSERT_TRUE(amqp.answered());
    }
  }
  void TearDown() override {
    if (!parts_) return;
    {
      PlainAmqp amqp{broker_->address()};
      EXPECT_TRUE(amqp.good() && amqp.delete_queue("troop.work") && amqp.delete_exchange("troop.shop"));
    }
    broker_.expect_as_before();
  }
  static bool declare_queue(PlainAmqp& amqp) {
    amqp_queue_declare(amqp.get(), PlainAmqp::channel, amqp_cstring_bytes("troop.work"), 0, 1, 0, 0, arguments_);
    return amqp.answered();
  }

  /// plan, look, apply; what apply proved.
  Result<Proof> break_it(const char* name) {
    fault_ = find_fault(name);
    order_.fault = name;
    order_.victim = "broker";
    BOOST_OUTCOME_TRY(auto record, fault_->plan(*parts_, order_));
    if (fault_->look != nullptr) {
      BOOST_OUTCOME_TRYV(run(fault_->look(*parts_, order_, record.state)));
    }
    state_ = boost::json::parse(boost::json::serialize(record.state)).get_object();
    return run(fault_->apply(*parts_, order_, state_));
  }
  Result<Proof> undo() { return run(fault_->revert(*parts_, order_, state_)); }
  /// Twice: a second undo is none.
  void expect_undone() {
    for (int time = 0; time < 2; ++time) {
      const auto undone = undo();
      ASSERT_TRUE(undone) << undone.error().context;
      EXPECT_THAT(undone.value().text, HasSubstr("AMQP answered"));
    }
  }
  BrokerControl& control() { return *parts_->broker_control(); }
  boost::json::object queue() {
    auto found = run(control().queue("troop.work"));
    EXPECT_TRUE(found) << found.error().context;
    return found && found.value() ? *found.value() : boost::json::object{};
  }
  static bool connects() { return PlainAmqp{broker_->address()}.good(); }
  /// The method that the broker sends next; 0 if none comes within a few seconds.
  static amqp_method_number_t next_method(PlainAmqp& amqp) {
    amqp_frame_t frame{};
    const timeval limit{5, 0};
    while (amqp_simple_wait_frame_noblock(amqp.get(), &frame, &limit) == AMQP_STATUS_OK) {
      if (frame.frame_type == AMQP_FRAME_METHOD) return frame.payload.method.id;
    }
    return 0;
  }
  static bool publish(PlainAmqp& amqp, int count) {
    for (int i = 0; i < count; ++i) {
      if (!amqp.publish("troop.work", "message")) return false;
    }
    amqp_queue_declare(amqp.get(), PlainAmqp::channel, amqp_cstring_bytes("troop.work"), 1, 1, 0, 0, amqp_empty_table);
    return amqp.answered();  // behind the messages: they have arrived
  }

  inline static test::SharedBroker<PrivateBroker> broker_;
  inline static amqp_table_entry_t entries_[2]{};
  inline static const amqp_table_t arguments_{2, entries_};
  std::optional<RealParts> parts_;
  protocol::StepOrder order_;
  const Fault* fault_ = nullptr;
  boost::json::object state_;
};

/// These end the broker, each its own.
class BrokerControlOutageTest : public BrokerControlTest {};

TEST_F(BrokerControlTest, ReadsAQueueAsItWasDeclared) {
  PlainAmqp amqp{broker_->address()};
  ASSERT_TRUE(publish(amqp, 3));
  const auto found = queue();
  EXPECT_EQ(found.at("name").as_string(), "troop.work");
  EXPECT_EQ(found.at("durable"), true);
  EXPECT_EQ(boost::json::serialize(found.at("arguments")), R"({"x-max-length":5000,"x-overflow":"reject-publish"})");
  EXPECT_EQ(found.at("messages").as_int64(), 3);
  ASSERT_EQ(found.at("bindings").as_array().size(), 2U);
  const auto none = run(control().queue("no such queue"));
  ASSERT_TRUE(none);
  EXPECT_FALSE(none.value());
}

TEST_F(BrokerControlTest, AMemoryAlarmBlocksWhoPublishes) {
  PlainAmqp amqp{broker_->address(), "publisher"};
  const auto applied = break_it("broker.memory_alarm");
  ASSERT_TRUE(applied) << applied.error().context;
  EXPECT_THAT(applied.value().text, HasSubstr("before 0.4"));
  ASSERT_TRUE(amqp.publish("troop.work", "message"));
  EXPECT_EQ(next_method(amqp), AMQP_CONNECTION_BLOCKED_METHOD);
  EXPECT_TRUE(run(control().limits()).value().memory_alarm);
  expect_undone();
  EXPECT_EQ(next_method(amqp), AMQP_CONNECTION_UNBLOCKED_METHOD);
  EXPECT_EQ(run(control().limits()).value().memory, 0.4);
}

TEST_F(BrokerControlTest, ADiskAlarmBlocksWhoPublishes) {
  PlainAmqp amqp{broker_->address(), "publisher"};
  const auto before = run(control().limits()).value().disk_free;
  const auto applied = break_it("broker.disk_alarm");
  ASSERT_TRUE(applied) << applied.error().context;
  ASSERT_TRUE(amqp.publish("troop.work", "message"));
  EXPECT_EQ(next_method(amqp), AMQP_CONNECTION_BLOCKED_METHOD);
  expect_undone();
  EXPECT_EQ(next_method(amqp), AMQP_CONNECTION_UNBLOCKED_METHOD);
  EXPECT_EQ(run(control().limits()).value().disk_free, before);
}

TEST_F(BrokerControlTest, ClosesTheConnectionsOfOneClientOrOfAll) {
  PlainAmqp one{broker_->address(), "one"};
  PlainAmqp other{broker_->address(), "other"};
  std::thread closes{[&] { EXPECT_EQ(next_method(one), AMQP_CONNECTION_CLOSE_METHOD); }};
  const auto closed = run(control().close_connections("one", "a test"));
  closes.join();
  ASSERT_TRUE(closed) << closed.error().context;
  EXPECT_THAT(closed.value().clients, testing::ElementsAre("one"));
  EXPECT_TRUE(declare_queue(other)) << "nobody else is cut off";

  std::thread also{[&] { EXPECT_EQ(next_method(other), AMQP_CONNECTION_CLOSE_METHOD); }};
  const auto applied = break_it("broker.close_connections");
  also.join();
  ASSERT_TRUE(applied) << applied.error().context;
  EXPECT_THAT(applied.value().text, HasSubstr("other"));
  expect_undone();
}

TEST_F(BrokerControlTest, ClosesChannelsAndLeavesTheConnection) {
  PlainAmqp amqp{broker_->address(), "one"};
  std::thread answers{[&] {
    EXPECT_EQ(next_method(amqp), AMQP_CHANNEL_CLOSE_METHOD);
    amqp_channel_close_ok_t ok{};
    amqp_send_method(amqp.get(), PlainAmqp::channel, AMQP_CHANNEL_CLOSE_OK_METHOD, &ok);
  }};
  const auto applied = break_it("broker.close_channel");
  answers.join();
  ASSERT_TRUE(applied) << applied.error().context;
  EXPECT_THAT(applied.value().text, HasSubstr("1 channel: one"));
  expect_undone();
  constexpr amqp_channel_t second = 2;
  amqp_channel_open(amqp.get(), second);
  EXPECT_TRUE(amqp.answered()) << "the connection is still there";
}

TEST_F(BrokerControlTest, PurgesWhatIsReady) {
  PlainAmqp amqp{broker_->address()};
  ASSERT_TRUE(publish(amqp, 40));
  const auto applied = break_it("broker.purge");
  ASSERT_TRUE(applied) << applied.error().context;
  EXPECT_THAT(applied.value().text, HasSubstr("40 ready messages"));
  EXPECT_EQ(queue().at("messages").as_int64(), 0);
  expect_undone();
}

TEST_F(BrokerControlOutageTest, StopsWithinItsProcessAndStartsAgain) {
  const pid_t pid = parts_->part.process().pid();
  const auto applied = break_it("broker.stop_app");
  ASSERT_TRUE(applied) << applied.error().context;
  EXPECT_FALSE(connects());
  EXPECT_TRUE(parts_->part.process().alive());
  expect_undone();
  EXPECT_TRUE(connects());
  EXPECT_EQ(parts_->part.process().pid(), pid);
}

TEST_F(BrokerControlTest, SuspendedListenersRefuseOnlyNewConnections) {
  PlainAmqp old{broker_->address()};
  const auto applied = break_it("broker.suspend_listeners");
  ASSERT_TRUE(applied) << applied.error().context;
  EXPECT_FALSE(connects());
  EXPECT_TRUE(declare_queue(old));
  expect_undone();
  EXPECT_TRUE(connects());
}

TEST_F(BrokerControlTest, APolicyGovernsForATime) {
  order_.parameters["definition"] = std::string{R"({"message-ttl": 60000, "max-length": 9})"};
  const auto applied = break_it("broker.policy");
  ASSERT_TRUE(applied) << applied.error().context;
  EXPECT_EQ(queue().at("effective_policy").at("max-length").as_int64(), 9);
  expect_undone();
  EXPECT_TRUE(queue().at("policy").is_null());
}

TEST_F(BrokerControlTest, APolicyThatTheBrokerRefusesIsNotProven) {
  order_.parameters["definition"] = std::string{R"({"max-length": "many"})"};
  const auto applied = break_it("broker.policy");
  ASSERT_TRUE(applied.has_error());
  EXPECT_THAT(applied.error().context, HasSubstr("is not a valid maximum length"));
  expect_undone();
}

TEST_F(BrokerControlTest, AFullQueueNacks) {
  PlainAmqp amqp{broker_->address()};
  ASSERT_TRUE(publish(amqp, 10));
  order_.parameters["max_length"] = std::int64_t{10};
  const auto applied = break_it("broker.queue_full");
  ASSERT_TRUE(applied) << applied.error().context;
  amqp_confirm_select(amqp.get(), PlainAmqp::channel);
  ASSERT_TRUE(amqp.answered());
  ASSERT_TRUE(amqp.publish("troop.work", "one too many"));
  EXPECT_EQ(next_method(amqp), AMQP_BASIC_NACK_METHOD);
  expect_undone();
  ASSERT_TRUE(amqp.publish("troop.work", "welcome again"));
  EXPECT_EQ(next_method(amqp), AMQP_BASIC_ACK_METHOD);
}

TEST_F(BrokerControlTest, AQueueThatIsDeletedComesBackExactlyAsItWas) {
  PlainAmqp amqp{broker_->address()};
  ASSERT_TRUE(publish(amqp, 5));
  const auto before = queue();
  const auto applied = break_it("broker.delete_queue");
  ASSERT_TRUE(applied) << applied.error().context;
  EXPECT_THAT(applied.value().text, HasSubstr("5 ready messages, and does not exist"));
  EXPECT_FALSE(run(control().queue("troop.work")).value());
  expect_undone();
  auto after = queue();
  EXPECT_EQ(after.at("messages").as_int64(), 0);
  after["messages"] = 5;
  EXPECT_EQ(boost::json::serialize(after.at("arguments")), boost::json::serialize(before.at("arguments")));
  EXPECT_EQ(after.at("bindings").as_array().size(), before.at("bindings").as_array().size());
  PlainAmqp again{broker_->address()};
  EXPECT_TRUE(declare_queue(again)) << "to a client that declares it as ever it is the same queue";
}

TEST_F(BrokerControlTest, AnExchangeThatIsDeletedComesBackWithItsBindings) {
  const auto before = run(control().exchange("troop.shop")).value();
  ASSERT_TRUE(before);
  const auto applied = break_it("broker.delete_exchange");
  ASSERT_TRUE(applied) << applied.error().context;
  EXPECT_FALSE(run(control().exchange("troop.shop")).value());
  EXPECT_TRUE(queue().at("bindings").as_array().empty());
  expect_undone();
  const auto after = run(control().exchange("troop.shop")).value();
  ASSERT_TRUE(after);
  EXPECT_EQ(after->at("bindings").as_array().size(), before->at("bindings").as_array().size());
  EXPECT_EQ(after->at("type"), before->at("type"));
  EXPECT_EQ(queue().at("bindings").as_array().size(), 2U);
}

TEST_F(BrokerControlTest, ABindingIsTakenAwayAndComesBack) {
  order_.parameters["routing_key"] = std::string{"it's \"quoted\" \\ ünïcode"};
  const auto applied = break_it("broker.delete_binding");
  ASSERT_TRUE(applied) << applied.error().context;
  EXPECT_THAT(applied.value().text, HasSubstr("1 binding "));
  ASSERT_EQ(queue().at("bindings").as_array().size(), 1U);
  EXPECT_EQ(queue().at("bindings").at(0).at("routing_key").as_string(), "order");
  expect_undone();
  EXPECT_EQ(queue().at("bindings").as_array().size(), 2U);
}

/// Neither the broker's Erlang nor a shell reads a name as more than a name.
TEST_F(BrokerControlTest, ANameIsNeverRun) {
  const testing_support::TemporaryFolder folder;
  const std::string mark = folder / "mark", touch = "touch " + mark;
  const std::string name = "$(" + touch + ") `" + touch + "`; " + touch + " #\"), os:cmd(\"" + touch + "\"), (\"~s~p\\";
  const std::string other_name = "'), os:cmd('" + touch + "'), (' >>, halt(), <<";
  PlainAmqp amqp{broker_->address()};
  ASSERT_TRUE(amqp.good() && amqp.declare_queue(name));
  order_.parameters["queue"] = name;
  const auto deleted = break_it("broker.delete_queue");
  ASSERT_TRUE(deleted) << deleted.error().context;
  const auto undone = undo();
  ASSERT_TRUE(undone) << undone.error().context;
  order_.parameters.insert({{"name", other_name}, {"definition", std::string{R"({"max-length": 5})"}}});
  const auto governed = break_it("broker.policy");
  ASSERT_TRUE(governed) << governed.error().context;
  const auto lifted = undo();
  ASSERT_TRUE(lifted) << lifted.error().context;
  EXPECT_TRUE(amqp.delete_queue(name));
  EXPECT_FALSE(std::filesystem::exists(mark));
}

TEST_F(BrokerControlOutageTest, GivesUpSoonOnABrokerThatIsGone) {
  ASSERT_TRUE(break_it("broker.memory_alarm"));
  ASSERT_TRUE(broker_->signal(SIGKILL));
  ASSERT_TRUE(run(parts_->part.process().ended_within(20s)));
  const std::int64_t asked = monotonic_ns();
  const auto undone = undo();
  ASSERT_TRUE(undone.has_error());
  EXPECT_EQ(undone.error().kind, ErrorKind::unrestored);
  const auto unanswered = run(control().limits());
  ASSERT_TRUE(unanswered.has_error());
  EXPECT_LT(monotonic_ns() - asked, 20'000'000'000);
  ASSERT_TRUE(broker_->start_again());
  expect_undone();
  EXPECT_EQ(run(control().limits()).value().memory, 0.4);
}

}  // namespace
}  // namespace troop::agents
