// Faults of different kinds on the network of one host, all in force on the same packets, each undone alone.
#include <gmock/gmock.h>

#include <map>
#include <thread>

#include "agents/faults/network_faults.hpp"
#include "agents/host/nftables.hpp"
#include "tests/support/chatter.hpp"
#include "tests/support/coroutine.hpp"
#include "tests/support/qdiscs.hpp"

namespace troop::agents {
namespace {

using testing_support::run;

class NetworkCompositionTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!network_.why_not().empty()) GTEST_SKIP() << network_.why_not();
  }
  struct Step {
    const Fault* fault = nullptr;
    protocol::StepOrder order = {};
    boost::json::object seen = {};
  };
  void add(std::int64_t number, const char* name, std::string parameter, model::Value value) {
    auto& step = steps_[number];
    step.fault = find_fault(name);
    ASSERT_NE(step.fault, nullptr) << name;
    step.order.number = number;
    step.order.fault = name;
    step.order.victim = "here";
    step.order.parameters = {{"peers", std::vector<std::string>{"db"}}, {std::move(parameter), std::move(value)}};
  }
  Result<Proof> apply(Step& step) {
    if (step.fault->look != nullptr) {
      BOOST_OUTCOME_TRY(run(step.fault->look(parts_, step.order, step.seen)));
    }
    return run(step.fault->apply(parts_, step.order, step.seen));
  }
  Result<Proof> revert(Step& step) { return run(step.fault->revert(parts_, step.order, step.seen)); }
  std::string effect_of(std::int64_t number) {
    auto effect = dynamic_cast<NetworkHolding&>(*parts_.holdings().at(number)).effect();
    return effect.has_value() ? effect.value().value_or("none") : effect.error().context;
  }
  /// What it has counted goes on growing.
  void expect_in_force(std::int64_t number) {
    ASSERT_TRUE(parts_.holdings().at(number)->renew()) << steps_[number].order.fault;
    const std::string before = effect_of(number);
    const std::int64_t deadline = monotonic_ns() + Duration{std::chrono::seconds{20}}.count();
    while (effect_of(number) == before && monotonic_ns() < deadline) std::this_thread::yield();
    EXPECT_NE(effect_of(number), before) << steps_[number].order.fault;
  }
  static std::string kernel_state() {
    auto nft = Nftables::open().value();
    return nft.list("list ruleset").value() + test::qdiscs();
  }

  test::PrivateNetwork network_;
  test::HostParts parts_;
  std::map<std::int64_t, Step> steps_;
};

TEST_F(NetworkCompositionTest, FourKindsAreInForceAtOnceAndEachIsUndoneAlone) {
  const std::string before = kernel_state();
  add(1, "network.bandwidth", "rate_mbit", 0.02);
  add(2, "network.latency", "delay", Duration{std::chrono::milliseconds{20}});
  add(3, "network.loss", "percent", 20.0);
  add(4, "network.duplicate", "percent", 50.0);
  const test::Chatter chatter{"127.0.0.1", "127.0.0.2"};
  for (auto& [number, step] : steps_) {
    const auto applied = apply(step);
    ASSERT_TRUE(applied) << applied.error().context;
  }
  while (!steps_.empty()) {
    for (const auto& [number, step] : steps_) expect_in_force(number);
    const auto middle = std::next(steps_.begin(), static_cast<std::ptrdiff_t>(steps_.size() / 2));
    const auto reverted = revert(middle->second);
    ASSERT_TRUE(reverted) << reverted.error().context;
    steps_.erase(middle);
    EXPECT_EQ(parts_.holdings().size(), steps_.size());
  }
  EXPECT_EQ(kernel_state(), before);
}

}  // namespace
}  // namespace troop::agents
