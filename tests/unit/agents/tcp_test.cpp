#include "agents/host/tcp.hpp"

#include <gmock/gmock.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <fstream>
#include <set>

#include "tests/support/coroutine.hpp"

namespace troop::agents {

void PrintTo(AmqpAnswer answer, std::ostream* out) {
  *out << (answer == AmqpAnswer::ready ? "ready" : answer == AmqpAnswer::silent ? "silent" : "refused");
}

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using namespace std::chrono_literals;

/// Listens on loopback and treats its one client as `reply` says.
class Listener {
 public:
  explicit Listener(asio::io_context& io)
      : acceptor_(io, tcp::endpoint{asio::ip::address_v4::loopback(), 0}), client_(io) {}
  [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  [[nodiscard]] const std::string& heard() const { return heard_; }

  /// Accepts, reads the header, says `reply`; then hangs up if `hang_up`.
  asio::awaitable<void> serve(std::string reply, bool hang_up) {
    client_ = co_await acceptor_.async_accept(asio::use_awaitable);
    heard_.resize(8);
    co_await asio::async_read(client_, asio::buffer(heard_), asio::use_awaitable);
    co_await asio::async_write(client_, asio::buffer(reply), asio::use_awaitable);
    if (hang_up) client_.close();
  }

 private:
  tcp::acceptor acceptor_;
  tcp::socket client_;
  std::string heard_;
};

class AskAmqpTest : public testing::Test {
 protected:
  AmqpAnswer ask(std::uint16_t port, Duration timeout) { return testing_support::run(io_, ask_amqp(port, timeout)); }
  AmqpAnswer answer_to(std::string reply, bool hang_up = false, Duration timeout = 20s) {
    asio::co_spawn(io_, listener_.serve(std::move(reply), hang_up), asio::detached);
    return ask(listener_.port(), timeout);
  }

  asio::io_context io_{1};
  Listener listener_{io_};
};

TEST_F(AskAmqpTest, IsReadyWhenAMethodFrameBegins) {
  EXPECT_EQ(answer_to(std::string("\x01\x00\x00", 3)), AmqpAnswer::ready);
  EXPECT_EQ(listener_.heard(), std::string("AMQP\x00\x00\x09\x01", 8));
}

TEST_F(AskAmqpTest, IsRefusedByAServerOfAnotherVersion) {
  EXPECT_EQ(answer_to(std::string("AMQP\x00\x01\x00\x00", 8)), AmqpAnswer::refused);
}

TEST_F(AskAmqpTest, IsRefusedByAServerThatHangsUp) { EXPECT_EQ(answer_to("", true), AmqpAnswer::refused); }

TEST_F(AskAmqpTest, IsRefusedWhereNobodyListens) {
  const auto port = pick_port();
  ASSERT_TRUE(port);
  EXPECT_EQ(ask(port.value(), 20s), AmqpAnswer::refused);
}

TEST_F(AskAmqpTest, IsSilentWhereTheServerAcceptsAndSaysNothing) {
  EXPECT_EQ(answer_to("", false, 20ms), AmqpAnswer::silent);
  EXPECT_EQ(listener_.heard().size(), 8U);
}

TEST_F(AskAmqpTest, IsSilentWhereTheKernelAcceptsForAStoppedServer) {
  EXPECT_EQ(ask(listener_.port(), 20ms), AmqpAnswer::silent);
}

TEST(PortTest, IsNotFreeWhileSomebodyListens) {
  asio::io_context io{1};
  std::uint16_t port = 0;
  {
    const Listener listener{io};
    port = listener.port();
    EXPECT_FALSE(port_is_free(port));
  }
  EXPECT_TRUE(port_is_free(port));
}

TEST(PortTest, IsFreeRightAfterAServerWithConnectionsIsGone) {
  asio::io_context io{1};
  std::uint16_t port = 0;
  {
    Listener listener{io};
    port = listener.port();
    asio::co_spawn(io, listener.serve("x", true), asio::detached);
    EXPECT_EQ(testing_support::run(io, ask_amqp(port, 20s)), AmqpAnswer::refused);
  }
  EXPECT_TRUE(port_is_free(port)) << "what is left of its connections does not count";
}

TEST(PortTest, IsPickedBelowThoseThatClientsGet) {
  std::ifstream range{"/proc/sys/net/ipv4/ip_local_port_range"};
  unsigned first_outgoing = 32768;
  range >> first_outgoing;
  std::set<std::uint16_t> picked;
  for (int i = 0; i < 20; ++i) {
    const auto port = pick_port();
    ASSERT_TRUE(port) << port.error().context;
    EXPECT_GE(port.value(), 10240);
    EXPECT_LT(port.value(), first_outgoing > 11240 ? first_outgoing : 32768U);
    EXPECT_TRUE(port_is_free(port.value()));
    picked.insert(port.value());
  }
  EXPECT_GT(picked.size(), 10U) << "runs side by side must not pick alike";
}

}  // namespace
}  // namespace troop::agents
