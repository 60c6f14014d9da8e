// What is made of whoever answers a port of TLS, without a broker: Debian's `openssl` listens there, or nobody.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "agents/host/process.hpp"
#include "agents/rabbitmq/client.hpp"
#include "tests/support/coroutine.hpp"
#include "tests/support/private_ca.hpp"
#include "tests/support/troop_run.hpp"

namespace troop::test {
namespace {

using agents::AmqpAnswer;
using testing::HasSubstr;

class TlsAnswersTest : public testing::Test {
 protected:
  AmqpAnswer ask(const std::string& name, Duration timeout) {
    address_.tls = agents::TlsPeer{name, ca_.file().string()};
    boost::asio::io_context io{1};
    return testing_support::run(io, agents::ask_amqp(address_, timeout));
  }
  /// `openssl s_server` with a certificate for `whom`: it shakes hands, and has no answer to AMQP.
  void listen(const std::string& whom) {
    const auto port = agents::pick_port();
    ASSERT_TRUE(port);
    address_.port = port.value();
    const ServerFiles files = ca_.issue(whom);
    ASSERT_TRUE(ca_.good());
    auto started = agents::Process::spawn(
        {{"/usr/bin/openssl", "s_server", "-www", "-accept", "127.0.0.1:" + std::to_string(address_.port), "-cert",
          files.certificate.string(), "-key", files.key.string()},
         {},
         (world_.root() / "said").string(),
         {}});
    ASSERT_TRUE(started);
    server_ = std::move(started).value();
    ASSERT_TRUE(eventually([&] { return ask("localhost", 5s) != AmqpAnswer::refused; }, 20s));
  }
  void TearDown() override {
    (void)server_.signal(SIGKILL);
    EXPECT_TRUE(eventually([&] { return !server_.alive(); }, 10s));
  }

  World world_;
  PrivateCa ca_{world_.root() / "ca"};
  agents::AmqpAddress address_;
  agents::Process server_;
};

TEST_F(TlsAnswersTest, ANameCountsAndAnAddressIsANameToo) {
  listen("IP:127.0.0.1");
  EXPECT_EQ(ask("127.0.0.1", 1s), AmqpAnswer::silent);
  EXPECT_EQ(ask("localhost", 5s), AmqpAnswer::untrusted);
  EXPECT_EQ(ask("127.0.0.2", 5s), AmqpAnswer::untrusted);
  const auto checked = agents::check_tls(address_, 5s);
  ASSERT_TRUE(checked.has_error());
  EXPECT_EQ(checked.error().kind, ErrorKind::usage);
  EXPECT_THAT(checked.error().context, HasSubstr("not trusted for 127.0.0.2: IP address mismatch"));
}

TEST_F(TlsAnswersTest, SilenceIsNoRefusal) {
  boost::asio::io_context io{1};
  using boost::asio::ip::tcp;
  tcp::acceptor mute{io, tcp::endpoint{boost::asio::ip::address_v4::loopback(), 0}};  // the kernel accepts, nobody else
  address_.port = mute.local_endpoint().port();
  EXPECT_EQ(ask("localhost", 500ms), AmqpAnswer::silent);
  mute.close();
  EXPECT_EQ(ask("localhost", 5s), AmqpAnswer::refused);
}

}  // namespace
}  // namespace troop::test
