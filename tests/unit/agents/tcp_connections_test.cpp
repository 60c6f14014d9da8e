// Connections reset in a network namespace of the test's own.
#include "agents/host/tcp_connections.hpp"

#include <gtest/gtest.h>

#include <cerrno>

#include "tests/support/private_network.hpp"
#include "tests/support/tcp_listener.hpp"

namespace troop::agents {
namespace {

using boost::asio::ip::make_address;
using troop::test::Listener;
using troop::test::PrivateNetwork;

struct Pair {
  explicit Pair(const Listener& listener, const std::string& from = "127.0.0.1")
      : client(listener.connection_from(from)), server(listener.accept()) {}
  /// What a read says: 0 where nothing came, else why it cannot.
  static int state(const UniqueFd& fd) {
    char byte = 0;
    return ::recv(fd.get(), &byte, 1, MSG_DONTWAIT) < 0 && errno != EAGAIN ? errno : 0;
  }
  [[nodiscard]] bool open() const { return state(client) == 0 && state(server) == 0; }
  UniqueFd client, server;
};

class TcpConnectionsTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!network_.why_not().empty()) GTEST_SKIP() << network_.why_not();
  }
  static std::size_t reset(const std::string& peer, std::vector<std::uint16_t> ports = {}) {
    Traffic traffic{.peers = {make_address(peer)}};
    traffic.ports = std::move(ports);
    const auto gone = reset_connections(traffic);
    EXPECT_TRUE(gone) << gone.error().context;
    return gone ? gone.value() : 0;
  }
  PrivateNetwork network_;
};

TEST_F(TcpConnectionsTest, AbortsThoseWithAPeerAndBothEndsSeeIt) {
  const Listener one{"127.0.0.2"}, two{"127.0.0.3"};
  const Pair first{one}, second{one}, other{two};
  EXPECT_EQ(reset("127.0.0.2"), 2U);
  for (const auto* pair : {&first, &second}) {
    EXPECT_EQ(Pair::state(pair->client), ECONNABORTED);
    EXPECT_EQ(Pair::state(pair->server), ECONNRESET);
  }
  EXPECT_TRUE(other.open());
  EXPECT_EQ(reset("127.0.0.2"), 0U) << "those that are gone are gone, and listening goes on";
  const Pair again{one};
  EXPECT_TRUE(again.open());
}

TEST_F(TcpConnectionsTest, MeansOnlyThePort) {
  const Listener one{"127.0.0.2"}, two{"127.0.0.2"};
  const Pair meant{one}, other{two};
  EXPECT_EQ(reset("127.0.0.2", {one.port()}), 1U);
  EXPECT_FALSE(meant.open());
  EXPECT_TRUE(other.open());
}

TEST_F(TcpConnectionsTest, KnowsIpv6AndIpv4WithinIt) {
  const Listener six{"::1"};
  const Pair pair{six, "::1"};
  EXPECT_GE(reset("::1"), 1U) << "both ends are this host's, and one may see the other go";
  EXPECT_FALSE(pair.open());
  const Listener both{"::ffff:127.0.0.2"};
  const Pair mapped{both, "::ffff:127.0.0.1"};
  ASSERT_TRUE(mapped.open());
  EXPECT_EQ(reset("127.0.0.2"), 1U);
  EXPECT_FALSE(mapped.open());
}

TEST_F(TcpConnectionsTest, RefusesNoPeer) { EXPECT_TRUE(reset_connections({}).has_error()); }

}  // namespace
}  // namespace troop::agents
