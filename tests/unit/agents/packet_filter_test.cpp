// Packets stopped in a network namespace of the test's own: 127.0.0.1 and ::1 talk to 127.0.0.2 and themselves.
#include "agents/host/packet_filter.hpp"

#include <gmock/gmock.h>
#include <netinet/in.h>

#include <boost/asio/ip/tcp.hpp>

#include "tests/support/private_network.hpp"
#include "tests/unit/agents/children.hpp"

namespace troop::agents {
namespace {

using namespace std::chrono_literals;
using test::until;
using troop::test::Datagrams;
using troop::test::PrivateNetwork;

boost::asio::ip::address address(const std::string& text) { return boost::asio::ip::make_address(text); }

StopRule stop(const std::string& peer, Direction direction = Direction::both) {
  return {.traffic = {.peers = {address(peer)}, .direction = direction}};
}

class PacketFilterTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!network_.why_not().empty()) GTEST_SKIP() << network_.why_not();
  }

  static PacketFilter started(const StopRule& rule, Duration timeout = 60s) {
    auto filter = PacketFilter::start(rule, timeout);
    EXPECT_TRUE(filter) << filter.error().context;
    return std::move(filter).value();
  }
  static Stopped counted(PacketFilter& filter) {
    const auto counts = filter.counters();
    EXPECT_TRUE(counts) << counts.error().context;
    return counts ? counts.value() : Stopped{};
  }
  static std::string ruleset() {
    auto nft = Nftables::open().value();
    return nft.list("list ruleset").value();
  }
  static bool flows(const Datagrams& from, const Datagrams& to) { return from.send(to) && to.receive(); }

  PrivateNetwork network_;
};

TEST_F(PacketFilterTest, StopsWhatGoesToAPeerAndLetsItFlowAgain) {
  const Datagrams here{"127.0.0.1"}, peer{"127.0.0.2"};
  ASSERT_TRUE(flows(here, peer));
  const auto before = ruleset();
  auto filter = started(stop("127.0.0.2"));
  EXPECT_NE(ruleset(), before);
  for (int i = 0; i < 5; ++i) here.send(peer);
  EXPECT_EQ(counted(filter).stopped_out, 5U);
  EXPECT_FALSE(peer.receive(0));
  ASSERT_TRUE(filter.stop());
  EXPECT_EQ(ruleset(), before);
  EXPECT_TRUE(flows(here, peer));
}

TEST_F(PacketFilterTest, StopsOneDirectionOnly) {
  const Datagrams here{"127.0.0.1"}, peer{"127.0.0.2"};
  auto filter = started(stop("127.0.0.2", Direction::in));
  EXPECT_TRUE(flows(here, peer));
  peer.send(here);
  ASSERT_TRUE(until([&] { return counted(filter).stopped_in == 1; }));
  EXPECT_FALSE(here.receive(0));
  EXPECT_EQ(counted(filter).matched_out, 0U);
}

TEST_F(PacketFilterTest, StopsIpv6) {
  const Datagrams here{"::1"}, peer{"::1"};
  ASSERT_TRUE(here.open() && peer.open());
  ASSERT_TRUE(flows(here, peer));
  auto filter = started(stop("::1", Direction::out));
  here.send(peer);
  EXPECT_EQ(counted(filter).stopped_out, 1U);
  EXPECT_FALSE(peer.receive(0));
  ASSERT_TRUE(filter.stop());
  EXPECT_TRUE(flows(here, peer));
}

TEST_F(PacketFilterTest, LeavesOtherPeersPortsAndProtocolsAlone) {
  const Datagrams here{"127.0.0.1"}, peer{"127.0.0.2"}, other{"127.0.0.2"}, third{"127.0.0.3"};
  auto rule = stop("127.0.0.2");
  rule.traffic.ports = {peer.port()};
  auto filter = started(rule);
  EXPECT_TRUE(flows(here, other));
  EXPECT_TRUE(flows(here, third));
  here.send(peer);
  peer.send(here);  // its port is the source now
  ASSERT_TRUE(until([&] { return counted(filter).stopped_in == 1; }));
  EXPECT_EQ(counted(filter).stopped_out, 1U);
  EXPECT_FALSE(here.receive(0));
  EXPECT_FALSE(peer.receive(0));
  rule.traffic.transport = Transport::tcp;
  ASSERT_TRUE(filter.stop());
  filter = started(rule);
  EXPECT_TRUE(flows(here, peer));
}

TEST_F(PacketFilterTest, StopsAServiceOfAPeerAndNotTheOneOfThatPortHere) {
  const Datagrams here{"127.0.0.1"}, service{"127.0.0.2"}, other{"127.0.0.2"}, twin{"127.0.0.1", service.port()};
  auto rule = stop("127.0.0.2");
  rule.traffic.ports = {service.port()};
  rule.traffic.only_peers_ports = true;
  auto filter = started(rule);
  EXPECT_TRUE(flows(other, twin));
  EXPECT_TRUE(flows(twin, other));
  here.send(service);
  service.send(here);
  ASSERT_TRUE(until([&] { return counted(filter).stopped_in == 1 && counted(filter).stopped_out == 1; }));
  EXPECT_FALSE(service.receive(0) || here.receive(0));
}

TEST_F(PacketFilterTest, StopsAShareOfThePackets) {
  const Datagrams here{"127.0.0.1"}, peer{"127.0.0.2"};
  auto rule = stop("127.0.0.2", Direction::out);
  rule.percent = 30;
  auto filter = started(rule);
  constexpr int sent = 20'000;
  for (int i = 0; i < sent; ++i) here.send(peer);
  const auto counts = counted(filter);
  EXPECT_EQ(counts.matched_out, sent);
  EXPECT_NEAR(static_cast<double>(counts.stopped_out), 0.3 * sent, 0.05 * 0.3 * sent);  // 4.6 standard deviations
}

int connect_error(const std::string& host) {
  const boost::asio::ip::tcp::endpoint server{address(host), 9};
  const UniqueFd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  return ::connect(fd.get(), server.data(), static_cast<socklen_t>(server.size())) == 0 ? 0 : errno;
}

TEST_F(PacketFilterTest, RejectsAtOnce) {
  const UniqueFd listener{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  const boost::asio::ip::tcp::endpoint server{address("127.0.0.2"), 9};
  ASSERT_EQ(::bind(listener.get(), server.data(), static_cast<socklen_t>(server.size())), 0);
  ASSERT_EQ(::listen(listener.get(), 8), 0);
  ASSERT_EQ(connect_error("127.0.0.2"), 0);
  auto rule = stop("127.0.0.2", Direction::out);
  rule.how = Stop::reset;
  auto filter = started(rule);
  EXPECT_EQ(connect_error("127.0.0.2"), ECONNREFUSED);
  EXPECT_GE(counted(filter).stopped_out, 1U);
  ASSERT_TRUE(filter.stop());
  rule.how = Stop::unreachable;
  filter = started(rule);
  EXPECT_EQ(connect_error("127.0.0.2"), EHOSTUNREACH);
  ASSERT_TRUE(filter.stop());
  EXPECT_EQ(connect_error("127.0.0.2"), 0);
}

TEST_F(PacketFilterTest, EndsByItselfWhereNobodyRenewsIt) {
  const Datagrams here{"127.0.0.1"}, peer{"127.0.0.2"};
  auto filter = started(stop("127.0.0.2"), 2s);
  here.send(peer);
  EXPECT_EQ(counted(filter).stopped_out, 1U);
  EXPECT_TRUE(until([&] { return here.send(peer) && peer.receive(0); }));
  EXPECT_TRUE(filter.renew().has_error());
  EXPECT_TRUE(flows(here, peer)) << "what has ended is dead";
}

TEST_F(PacketFilterTest, GoesOnWhileItIsRenewed) {
  const Datagrams here{"127.0.0.1"}, peer{"127.0.0.2"};
  auto filter = started(stop("127.0.0.2"), 2s);
  const std::int64_t end = monotonic_ns() + Duration{3s}.count();
  std::uint64_t sent = 0;
  while (monotonic_ns() < end) {
    ASSERT_TRUE(filter.renew());
    ASSERT_TRUE(here.send(peer) || errno == EPERM);
    ++sent;
  }
  EXPECT_EQ(counted(filter).stopped_out, sent);
  EXPECT_FALSE(peer.receive(0));
}

TEST_F(PacketFilterTest, EndsWithAProcessThatIsKilled) {
  const Datagrams here{"127.0.0.1"}, peer{"127.0.0.2"};
  const auto before = ruleset();
  {
    const test::Fork owner{[] {
      const auto filter = PacketFilter::start(stop("127.0.0.2"), 60s);
      if (filter) test::wait_for_ever();
    }};
    ASSERT_TRUE(until([&] { return ruleset() != before; }));
    here.send(peer);
    EXPECT_FALSE(peer.receive(0));
  }
  EXPECT_TRUE(until([&] { return ruleset() == before; }));
  EXPECT_TRUE(flows(here, peer));
}

TEST_F(PacketFilterTest, ComposesWithOthersAndIsUndoneAlone) {
  const Datagrams here{"127.0.0.1"}, first{"127.0.0.2"}, second{"127.0.0.3"};
  auto nft = Nftables::open().value();
  ASSERT_TRUE(nft.run("add table inet foreign\nadd chain inet foreign c\nadd rule inet foreign c counter"));
  const auto before = ruleset();
  auto one = started(stop("127.0.0.2"));
  const auto with_one = ruleset();
  auto two = started(stop("127.0.0.3"));
  EXPECT_TRUE(nft.run("delete table inet " + one.table()).has_error()) << "it belongs to its owner";
  const auto stopped = two.stop();
  ASSERT_TRUE(stopped) << stopped.error().context;
  EXPECT_TRUE(flows(here, second));
  here.send(first);
  EXPECT_EQ(counted(one).stopped_out, 1U);
  ASSERT_TRUE(one.stop());
  EXPECT_TRUE(one.stop()) << "again";
  EXPECT_NE(with_one, before);
  EXPECT_EQ(ruleset(), before);
}

TEST_F(PacketFilterTest, KeepsTenThousandPeers) {
  const Datagrams here{"127.0.0.1"}, peer{"127.0.39.16"}, other{"127.0.39.17"};
  StopRule rule{.traffic = {.direction = Direction::out}};
  for (unsigned i = 1; i <= 10'000; ++i) rule.traffic.peers.emplace_back(boost::asio::ip::address_v4{0x7f000000 + i});
  auto filter = started(rule);
  here.send(peer);
  ASSERT_TRUE(filter.renew());
  here.send(peer);
  EXPECT_EQ(counted(filter).stopped_out, 2U);
  EXPECT_TRUE(flows(here, other));
  EXPECT_TRUE(filter.stop());
}

TEST_F(PacketFilterTest, RefusesWhatMeansNothing) {
  EXPECT_TRUE(PacketFilter::start({}, 1s).has_error());
  EXPECT_TRUE(PacketFilter::start(stop("0.0.0.0"), 1s).has_error());
  EXPECT_TRUE(PacketFilter::start(stop("127.0.0.2"), 0s).has_error());
  auto rule = stop("127.0.0.2");
  rule.percent = 0;
  EXPECT_TRUE(PacketFilter::start(rule, 1s).has_error());
}

TEST(ParseAddressTest, TakesAddressesAndNothingElse) {
  for (const auto* text : {"10.0.0.1", "::1", "fd00::2"}) {
    const auto parsed = parse_address(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(parsed.value().to_string(), text);
  }
  EXPECT_EQ(parse_address("::ffff:10.0.0.1").value().to_string(), "10.0.0.1");
  for (const auto* text :
       {"", "localhost", "10.0.0.1/8", "10.0.0.1 }", "fe80::1%lo", "::1%}", "1.2.3", "; drop", "10.0.0.1\n"}) {
    EXPECT_TRUE(parse_address(text).has_error()) << text;
  }
}

}  // namespace
}  // namespace troop::agents
