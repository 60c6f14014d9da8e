// network.loss with 'burst': it takes another way than single losses do, and owes what every fault on a network does.
#include <gmock/gmock.h>

#include "agents/fault.hpp"
#include "agents/host/nftables.hpp"
#include "tests/support/chatter.hpp"
#include "tests/support/coroutine.hpp"

namespace troop::agents {
namespace {

using testing::HasSubstr;
using testing_support::run;

class BurstyLossTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!network_.why_not().empty()) GTEST_SKIP() << network_.why_not();
    order_.number = 7;
    order_.fault = "network.loss";
    order_.victim = "here";
    order_.parameters = {
        {"peers", std::vector<std::string>{"db"}}, {"direction", std::string{"in"}}, {"percent", 50.0}, {"burst", 4.0}};
    before_ = rules();
  }
  static std::string rules() { return Nftables::open().value().list("list ruleset").value(); }
  void expect_refused(const std::string& hint) {
    const auto planned = fault_.plan(parts_, order_);
    ASSERT_TRUE(planned.has_error()) << hint;
    EXPECT_EQ(planned.error().kind, ErrorKind::usage);
    EXPECT_THAT(planned.error().context, HasSubstr(hint));
    EXPECT_TRUE(run(fault_.apply(parts_, order_, {})).has_error());
    EXPECT_TRUE(parts_.holdings().empty());
    EXPECT_EQ(rules(), before_);
  }

  const Fault& fault_ = *find_fault("network.loss");
  test::PrivateNetwork network_;
  test::HostParts parts_;
  protocol::StepOrder order_;
  std::string before_;
};

TEST_F(BurstyLossTest, IsProvenAndUndone) {
  const test::Chatter chatter{"127.0.0.1", "127.0.0.2"};
  ASSERT_TRUE(fault_.plan(parts_, order_));
  EXPECT_EQ(rules(), before_);
  const auto applied = run(fault_.apply(parts_, order_, {}));
  ASSERT_TRUE(applied) << applied.error().context;
  EXPECT_THAT(applied.value().text, testing::ContainsRegex("packets of [0-9]+ were lost in [0-9]+ bursts"));
  EXPECT_NE(rules(), before_);
  EXPECT_TRUE(parts_.holdings().at(7)->renew());
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(run(fault_.revert(parts_, order_, {})));
    EXPECT_EQ(rules(), before_);
    EXPECT_TRUE(parts_.holdings().empty());
  }
}

TEST_F(BurstyLossTest, ClaimsNoEffectWhereNoPacketArrives) {
  const test::Chatter not_with_the_peer{"127.0.0.1", "127.0.0.4"};
  const auto applied = run(fault_.apply(parts_, order_, {}));
  ASSERT_TRUE(applied.has_error());
  EXPECT_EQ(applied.error().kind, ErrorKind::lost);
  EXPECT_TRUE(run(fault_.revert(parts_, order_, {})));
  EXPECT_EQ(rules(), before_);
}

TEST_F(BurstyLossTest, IsRefusedWhereItCannotBe) {
  for (const char* direction : {"both", "out"}) {
    order_.parameters["direction"] = std::string{direction};
    expect_refused("'burst' needs direction = \"in\"");
  }
  order_.parameters["direction"] = std::string{"in"};
  order_.parameters["percent"] = 80.0;
  order_.parameters["burst"] = 3.0;
  expect_refused("80 % of the packets are lost in bursts of at least 4 packets, not of 3");
  order_.parameters["percent"] = 100.0;
  expect_refused("less than 100 %");
  order_.parameters["percent"] = 50.0;
  order_.parameters["burst"] = 0.5;
  expect_refused("1 to 10000 packets");
}

}  // namespace
}  // namespace troop::agents
