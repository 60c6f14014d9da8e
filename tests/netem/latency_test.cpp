// network.latency where the kernel has netem: which way it takes, what it says of it, and how it ends.
#include <gmock/gmock.h>

#include <map>

#include "tests/netem/fault_test.hpp"

namespace troop::agents {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using troop::test::Datagrams;

class NetemLatencyTest : public NetemFaultTest {
 protected:
  Step& latency(std::map<std::string, model::Value> parameters, std::int64_t number = 1) {
    parameters.emplace("delay", Duration{20ms});
    return step(number, "network.latency", std::move(parameters));
  }
};

TEST_F(NetemLatencyTest, HoldsWherePacketsLeaveUnlessToldOtherwise) {
  const test::Chatter chatter{"127.0.0.1", "127.0.0.2"};
  auto& either = latency({});
  EXPECT_THAT(applied(either), testing::AllOf(HasSubstr("(netem)"), HasSubstr("20.00 ms each")));
  EXPECT_TRUE(parts_.holdings().at(1)->renew());
  expect_undone(either);
  EXPECT_EQ(kernel_state(), before_);
  auto& in = latency({{"direction", std::string{"in"}}}, 2);
  EXPECT_THAT(applied(in), HasSubstr("(NFQUEUE)"));
  expect_undone(in);
  EXPECT_EQ(kernel_state(), before_);
  EXPECT_THAT(find_fault("network.latency")->able().how, HasSubstr("\"out\" by netem"));
}

TEST_F(NetemLatencyTest, LetsGoWhatItHolds) {
  const Datagrams here{"127.0.0.1"}, there{"127.0.0.2"};
  auto& out = latency({{"direction", std::string{"out"}}, {"delay", Duration{300ms}}});
  {
    const test::Chatter chatter{"127.0.0.1", "127.0.0.2"};
    EXPECT_THAT(applied(out), HasSubstr("300.00 ms each"));
  }
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(here.send(there));
  EXPECT_FALSE(there.receive(0));
  expect_undone(out);
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(there.receive(1000));
  EXPECT_EQ(kernel_state(), before_);
}

TEST_F(NetemLatencyTest, ClaimsNoEffectOnceItsNetemIsTakenAway) {
  using namespace netlink;
  const test::Chatter chatter{"127.0.0.1", "127.0.0.2"};
  auto& out = latency({{"direction", std::string{"out"}}});
  EXPECT_THAT(applied(out), HasSubstr("(netem)"));
  const Owned<rtnl_qdisc> gone{rtnl_qdisc_alloc()};
  rtnl_tc_set_ifindex(TC_CAST(gone.get()), 1);
  rtnl_tc_set_parent(TC_CAST(gone.get()), 0x74700001);
  ASSERT_EQ(rtnl_qdisc_delete(route_socket().value().get(), gone.get()), 0);
  EXPECT_TRUE(parts_.holdings().at(1)->renew().has_error());
  expect_undone(out);
  EXPECT_EQ(kernel_state(), before_);
}

TEST_F(NetemLatencyTest, HoldsWherePacketsArriveWhatNetemCannot) {
  const test::Chatter chatter{"127.0.0.1", "127.0.0.2"};
  for (const auto& [name, value] :
       std::map<std::string, model::Value>{{"jitter", Duration{2500ms}}, {"correlation", 50.0}}) {
    std::map<std::string, model::Value> parameters{{name, value}, {"direction", std::string{"out"}}};
    auto& out = latency(parameters);
    const auto refused = out.fault->plan(parts_, out.order);
    ASSERT_TRUE(refused.has_error()) << name;
    EXPECT_THAT(refused.error().context, testing::AllOf(HasSubstr("netem"), HasSubstr("direction = \"in\"")));
    steps_.clear();
  }
  auto& either = latency({{"jitter", Duration{5ms}}, {"correlation", 50.0}});
  EXPECT_THAT(applied(either), HasSubstr("(NFQUEUE)"));
  expect_undone(either);
  EXPECT_EQ(kernel_state(), before_);
}

TEST_F(NetemLatencyTest, LeavesTheQdiscsOfOthersAlone) {
  const test::Chatter chatter{"127.0.0.1", "127.0.0.2"};
  ASSERT_TRUE(troop::test::add_foreign_qdisc());
  const auto with_it = kernel_state();
  auto& out = latency({{"direction", std::string{"out"}}});
  const auto refused = apply(out);
  ASSERT_TRUE(refused.has_error());
  EXPECT_THAT(refused.error().context, HasSubstr("lo has a qdisc of somebody else's (htb 1:)"));
  EXPECT_THAT(refused.error().context, HasSubstr("direction = \"in\""));
  auto& either = latency({}, 2);
  EXPECT_THAT(applied(either), HasSubstr("(NFQUEUE)"));
  expect_undone(either);
  EXPECT_EQ(kernel_state(), with_it);
}

TEST_F(NetemLatencyTest, SharesNoPacketWithAnotherClass) {
  const test::Chatter chatter{"127.0.0.1", "127.0.0.2"}, other{"127.0.0.1", "127.0.0.3"};
  auto& limit = step(1, "network.bandwidth", {{"rate_mbit", 0.02}});
  ASSERT_TRUE(apply(limit));
  auto& out = latency({{"direction", std::string{"out"}}}, 2);
  const auto refused = apply(out);
  ASSERT_TRUE(refused.has_error());
  EXPECT_THAT(refused.error().context, HasSubstr("step 1 has sent some of these packets into a class"));
  auto& either = latency({}, 3);
  EXPECT_THAT(applied(either), HasSubstr("(NFQUEUE)")) << "the rate stays";
  auto& elsewhere = latency({{"peers", std::vector<std::string>{"web"}}}, 4);
  EXPECT_THAT(applied(elsewhere), HasSubstr("(netem)"));
  expect_undone(limit);
  EXPECT_TRUE(parts_.holdings().at(4)->renew());
  expect_undone(either);
  expect_undone(elsewhere);
  EXPECT_EQ(kernel_state(), before_);
}

}  // namespace
}  // namespace troop::agents
