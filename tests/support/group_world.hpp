// A host on loopback with two control groups, somebody else's process in each, and what their sockets send and receive.
#pragma once

#include <gmock/gmock.h>

#include <cerrno>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "agents/fault.hpp"
#include "agents/host/nftables.hpp"
#include "scenarios/model/faults/catalogue.hpp"
#include "tests/support/bystander.hpp"
#include "tests/support/chatter.hpp"
#include "tests/support/control_groups.hpp"
#include "tests/support/coroutine.hpp"
#include "tests/support/qdiscs.hpp"

namespace troop::test {

inline constexpr const char* group_address = "127.0.0.1";
inline constexpr auto group_delay = std::chrono::milliseconds{300};

inline Datagrams datagrams_of(const TestGroup& group, const std::string& address) {
  return Datagrams{group.socket_of([&] { return Datagrams{address}.release(); })};
}

/// Somebody of a group who always talks with a service, and has a connection with it. The service says what a resolver
/// would.
class GroupChatter {
 public:
  explicit GroupChatter(const TestGroup& group, const std::string& to = "127.0.0.2")
      : there_(to, service_port), listener_(to, service_port), own_(datagrams_of(group, group_address)) {
    connection_ = group.socket_of([&] { return listener_.connection_from(group_address); });
    thread_ = std::jthread{[this](const std::stop_token& end) {
      while (!end.stop_requested()) {
        own_.send(there_);
        there_.send(own_, dns_answer);
        (void)there_.receive(1);
        (void)own_.receive(0);
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
      }
    }};
  }
  [[nodiscard]] bool is_connected() const {
    char any = 0;
    return connection_ && ::recv(connection_.get(), &any, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
  }

 private:
  Datagrams there_;
  Listener listener_;
  Datagrams own_;
  UniqueFd connection_;
  std::jthread thread_;
};

/// What comes of a text that is sent so often: all of them, within the time.
inline std::size_t arriving(const Datagrams& from, const Datagrams& to, int count = 5, int patience_ms = 10'000) {
  std::size_t seen = 0;
  for (int i = 0; i < count; ++i) from.send(to, "text " + std::to_string(i));
  std::string text;
  for (int i = 0; i < count && to.receive(patience_ms, text) && text == "text " + std::to_string(i); ++i) ++seen;
  return seen;
}
inline constexpr std::size_t all_of_them = 5;

/// Faults on the network of the group `hit_`, with the same peers for `spared_`.
class ControlGroupTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!network_.why_not().empty()) GTEST_SKIP() << network_.why_not();
    if (unified_hierarchy().empty()) GTEST_SKIP() << "no unified hierarchy of control groups";
    ASSERT_TRUE(hit_.made() && spared_.made());
    one_.emplace("/bin/sleep", std::vector<std::string>{"120"});
    other_.emplace("/bin/sleep", std::vector<std::string>{"120"});
    ASSERT_TRUE(hit_.take(one_->pid()) && spared_.take(other_->pid()));
    order_ = order_of("network.partition");
    before_ = kernel_state();
  }
  protocol::StepOrder order_of(std::string_view fault, std::int64_t number = 7) {
    protocol::StepOrder order;
    order.number = number;
    order.fault = fault;
    order.victim = "here";
    order.parameters = {{"cgroup", hit_.path()}, {"peers", std::vector<std::string>{"db", "web"}}};
    for (const auto& parameter : model::find_fault(model::faults(), fault)->parameters) {
      if (!parameter.required) continue;
      auto& value = order.parameters[std::string{parameter.name}];
      if (parameter.name == "percent") value = fault == "network.reorder" ? 50.0 : 100.0;
      if (parameter.name == "rate_mbit") value = 0.02;
      if (parameter.name == "port") value = std::int64_t{service_port};
      if (parameter.name == "delay") value = Duration{group_delay};
      if (parameter.name == "names") value = std::vector<std::string>{"*.test"};
    }
    if (fault == "network.dns") order.parameters["port"] = std::int64_t{service_port};
    return order;
  }
  static std::string kernel_state() {
    auto nft = agents::Nftables::open().value();
    return nft.list("list ruleset").value() + qdiscs();
  }
  [[nodiscard]] const agents::Fault& fault() const { return *agents::find_fault(order_.fault); }
  Result<agents::UndoRecord> plan() { return fault().plan(parts_, order_); }
  Result<agents::Proof> apply() {
    auto& seen = seen_[order_.number] = {};
    if (fault().look != nullptr) {
      BOOST_OUTCOME_TRY(testing_support::run(fault().look(parts_, order_, seen)));
    }
    return testing_support::run(fault().apply(parts_, order_, seen));
  }
  /// While somebody of the group talks.
  Result<agents::Proof> apply_to_chatter() {
    const GroupChatter chatter{hit_};
    return apply();
  }
  Result<agents::Proof> revert() { return testing_support::run(fault().revert(parts_, order_, seen_[order_.number])); }
  void expect_refused(const std::string& hint) {
    for (const auto& refused :
         {plan().has_error() ? plan().error().context : "", apply().has_error() ? apply().error().context : ""}) {
      EXPECT_THAT(refused, testing::HasSubstr(hint));
      EXPECT_THAT(refused, testing::HasSubstr(order_.fault));
    }
    EXPECT_EQ(kernel_state(), before_);
    EXPECT_TRUE(parts_.holdings().empty());
  }

  PrivateNetwork network_;
  TestGroup hit_, spared_;
  std::optional<Bystander> one_, other_;
  HostParts parts_;
  protocol::StepOrder order_;
  std::map<std::int64_t, boost::json::object> seen_;
  std::string before_;
};

}  // namespace troop::test
