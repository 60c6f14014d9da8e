// Packets held in a network namespace of the test's own.
#include "agents/host/packet_delay.hpp"

#include <gmock/gmock.h>

#include <cmath>
#include <fstream>
#include <sstream>

#include "agents/host/nftables.hpp"
#include "tests/support/private_network.hpp"
#include "tests/unit/agents/children.hpp"

namespace troop::agents {
namespace {

using namespace std::chrono_literals;
using test::until;
using troop::test::Datagrams;
using troop::test::PrivateNetwork;

DelayRule hold(const std::string& peer, Duration delay) {
  return {.traffic = {.peers = {boost::asio::ip::make_address(peer)}}, .delay = delay};
}

class PacketDelayTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!network_.why_not().empty()) GTEST_SKIP() << network_.why_not();
  }
  static PacketDelay started(const DelayRule& rule, Duration timeout = 60s) {
    auto delay = PacketDelay::start(rule, timeout);
    EXPECT_TRUE(delay) << delay.error().context;
    return std::move(delay).value();
  }
  /// Tables and queues.
  static std::string kernel_state() {
    auto nft = Nftables::open().value();
    std::ostringstream queues;
    queues << std::ifstream{"/proc/thread-self/net/netfilter/nfnetlink_queue"}.rdbuf();
    return nft.list("list ruleset").value() + queues.str();
  }
  /// How long one packet takes.
  static Duration travel(const Datagrams& from, const Datagrams& to) {
    const std::int64_t sent = monotonic_ns();
    EXPECT_TRUE(from.send(to));
    EXPECT_TRUE(to.receive());
    return Duration{monotonic_ns() - sent};
  }

  PrivateNetwork network_;
};

TEST_F(PacketDelayTest, HoldsWhatComesFromAPeerForThatLong) {
  const Datagrams here{"127.0.0.1"}, peer{"127.0.0.2"}, other{"127.0.0.3"};
  const std::string before = kernel_state();
  auto delay = started(hold("127.0.0.2", 50ms));
  for (int i = 0; i < 10; ++i) EXPECT_GE(travel(peer, here), 50ms);
  EXPECT_TRUE(until([&] { return delay.released() == 10; }));
  const auto held = delay.measured();
  ASSERT_TRUE(held) << held.error().context;
  EXPECT_GE(held.value().mean, 50ms);
  EXPECT_GE(held.value().longest, held.value().mean);
  EXPECT_EQ(held.value().unheld, 0U);
  travel(other, here);
  travel(here, peer);
  EXPECT_EQ(delay.released(), 10U) << "others, and what leaves, are not held";
  ASSERT_TRUE(delay.stop());
  EXPECT_EQ(kernel_state(), before);
  travel(peer, here);
  EXPECT_EQ(delay.released(), 10U);
}

TEST_F(PacketDelayTest, HoldsIpv6) {
  const Datagrams here{"::1"}, peer{"::1"};
  const auto delay = started(hold("::1", 30ms));
  EXPECT_GE(travel(peer, here), 30ms);
}

TEST_F(PacketDelayTest, HoldsOnlyThePortAndProtocolThatAreMeant) {
  const Datagrams here{"127.0.0.1"}, peer{"127.0.0.2"}, other{"127.0.0.2"};
  auto rule = hold("127.0.0.2", 1ms);
  rule.traffic.ports = {peer.port()};
  auto delay = started(rule);
  travel(peer, here);
  travel(other, here);
  EXPECT_TRUE(until([&] { return delay.released() == 1; }));
  EXPECT_EQ(delay.measured().value().packets, 1U);
  ASSERT_TRUE(delay.stop());
  rule.traffic.transport = Transport::tcp;
  const auto second = started(rule);
  travel(peer, here);
  EXPECT_EQ(second.released(), 0U);
}

TEST_F(PacketDelayTest, LetsGoWhatItHoldsWhenItIsStopped) {
  const Datagrams here{"127.0.0.1"}, peer{"127.0.0.2"};
  auto delay = started(hold("127.0.0.2", 10s));
  for (int i = 0; i < 20; ++i) peer.send(here);
  EXPECT_FALSE(here.receive(0));
  ASSERT_TRUE(delay.stop());
  ASSERT_TRUE(delay.stop()) << "again";
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(here.receive(1000));
}

TEST_F(PacketDelayTest, LetsAllFlowWhenItsProcessIsKilled) {
  const Datagrams here{"127.0.0.1"}, peer{"127.0.0.2"};
  const auto before = kernel_state();
  {
    const test::Fork owner{[] {
      const auto delay = PacketDelay::start(hold("127.0.0.2", 10s), 60s);
      if (delay) test::wait_for_ever();
    }};
    ASSERT_TRUE(until([&] { return kernel_state() != before; }));
  }
  EXPECT_TRUE(until([&] { return kernel_state() == before; }));
  EXPECT_LT(travel(peer, here), 5s);
}

TEST_F(PacketDelayTest, EndsByItselfWhereNobodyRenewsIt) {
  const Datagrams here{"127.0.0.1"}, peer{"127.0.0.2"};
  auto delay = started(hold("127.0.0.2", 50ms), 1s);
  EXPECT_TRUE(delay.renew());
  EXPECT_GE(travel(peer, here), 50ms);
  EXPECT_TRUE(until([&] { return travel(peer, here) < 50ms; }));
  EXPECT_TRUE(delay.renew().has_error());
}

TEST_F(PacketDelayTest, ComposesWithOthers) {
  const Datagrams here{"127.0.0.1"}, peer{"127.0.0.2"};
  auto one = started(hold("127.0.0.2", 30ms));
  auto two = started(hold("127.0.0.2", 20ms));
  EXPECT_GE(travel(peer, here), 50ms);
  ASSERT_TRUE(one.stop());
  EXPECT_GE(travel(peer, here), 20ms);
  EXPECT_EQ(one.released(), 1U);
  EXPECT_TRUE(until([&] { return two.released() == 2; }));
}

TEST_F(PacketDelayTest, RefusesWhatTheQueueIsTooShortFor) {
  const auto refused = PacketDelay::start(hold("127.0.0.2", 11s), 1s);
  ASSERT_TRUE(refused.has_error());
  for (const char* number : {"11000 ms", "65536 packets", "10000 ms", "6500 packets/s"}) {
    EXPECT_THAT(refused.error().context, testing::HasSubstr(number));
  }
  EXPECT_TRUE(PacketDelay::start(hold("127.0.0.2", 0s), 1s).has_error());
  EXPECT_TRUE(PacketDelay::start(hold("0.0.0.0", 1s), 1s).has_error());
}

}  // namespace
}  // namespace troop::agents
