// Faults as an agent does them, on a host whose loopback plays its peers "db" and "web", where the kernel has netem.
#pragma once

#include <gmock/gmock.h>

#include <map>
#include <string>

#include "agents/faults/network_faults.hpp"
#include "agents/host/nftables.hpp"
#include "agents/host/route_netlink.hpp"
#include "tests/support/chatter.hpp"
#include "tests/support/coroutine.hpp"
#include "tests/support/qdiscs.hpp"

namespace troop::agents {

class NetemFaultTest : public testing::Test {
 protected:
  struct Step {
    const Fault* fault = nullptr;
    protocol::StepOrder order = {};
    boost::json::object seen = {};
  };
  void SetUp() override {
    ASSERT_EQ(network_.why_not(), "");
    before_ = kernel_state();
  }
  Step& step(std::int64_t number, const char* name, std::map<std::string, model::Value> parameters) {
    auto& made = steps_[number];
    made.fault = find_fault(name);
    made.order.number = number;
    made.order.fault = name;
    made.order.victim = "here";
    parameters.emplace("peers", std::vector<std::string>{"db"});
    made.order.parameters.insert(parameters.begin(), parameters.end());
    return made;
  }
  /// As an agent does it: what it says when it is in force.
  Result<Proof> apply(Step& step) {
    BOOST_OUTCOME_TRY(step.fault->plan(parts_, step.order));
    BOOST_OUTCOME_TRY(testing_support::run(step.fault->look(parts_, step.order, step.seen)));
    return testing_support::run(step.fault->apply(parts_, step.order, step.seen));
  }
  std::string applied(Step& step) {
    auto proof = apply(step);
    return proof.has_value() ? proof.value().text : proof.error().context;
  }
  void expect_undone(Step& step) {
    for (int i = 0; i < 2; ++i) {
      const auto reverted = testing_support::run(step.fault->revert(parts_, step.order, step.seen));
      ASSERT_TRUE(reverted) << reverted.error().context;
    }
  }
  static std::string kernel_state() {
    return Nftables::open().value().list("list ruleset").value() + troop::test::qdiscs();
  }

  troop::test::PrivateNetwork network_;
  troop::test::HostParts parts_;
  std::map<std::int64_t, Step> steps_;
  std::string before_;
};

}  // namespace troop::agents
