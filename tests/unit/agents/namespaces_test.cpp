// Hosts on one machine reach one another and nothing else, and leave nothing.
#include "agents/host/namespaces.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <thread>

namespace troop::agents {
namespace {

class NamespacesTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "network namespaces need root";
  }
};

ino_t netns_of_this_thread() {
  struct stat status {};
  EXPECT_EQ(stat("/proc/thread-self/ns/net", &status), 0);
  return status.st_ino;
}

template <class Work>
void on(const NetworkHost& host, Work work) {
  std::thread{[&] {
    const auto entered = enter(host.netns.get());
    ASSERT_TRUE(entered.has_value()) << entered.error().context;
    work();
  }}.join();
}

sockaddr_in address_of(const std::string& text, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  EXPECT_EQ(inet_pton(AF_INET, text.c_str(), &address.sin_addr), 1);
  return address;
}

TEST_F(NamespacesTest, HostsReachOneAnotherAtTheirAddresses) {
  const std::vector<model::Host> wanted{{.name = "mq"}, {.name = "app"}};
  const ino_t before = netns_of_this_thread();
  const auto network = Network::make(wanted);
  ASSERT_TRUE(network.has_value()) << network.error().context;
  EXPECT_EQ(netns_of_this_thread(), before);
  const NetworkHost* mq = network.value().find("mq");
  const NetworkHost* app = network.value().find("app");
  ASSERT_TRUE(mq != nullptr && app != nullptr);
  EXPECT_NE(mq->address, app->address);
  UniqueFd listener;
  on(*mq, [&] {
    listener.reset(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto here = address_of(mq->address, 5672);
    ASSERT_EQ(bind(listener.get(), reinterpret_cast<const sockaddr*>(&here), sizeof here), 0);
    ASSERT_EQ(listen(listener.get(), 1), 0);
  });
  on(*app, [&] {
    const UniqueFd client{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const auto there = address_of(mq->address, 5672);
    EXPECT_EQ(connect(client.get(), reinterpret_cast<const sockaddr*>(&there), sizeof there), 0);
  });
  // From here there is no way to it: neither an interface nor a route.
  EXPECT_EQ(if_nametoindex("br0"), 0U);
}

TEST_F(NamespacesTest, SaysWhichNamespaceDoesNotExist) {
  const std::vector<model::Host> wanted{{.name = "mq", .netns = "troop-no-such", .address = "10.1.2.3"}};
  const auto network = Network::make(wanted);
  ASSERT_TRUE(network.has_error());
  EXPECT_EQ(network.error().kind, ErrorKind::usage);
  EXPECT_NE(network.error().context.find("troop-no-such"), std::string::npos);
}

TEST_F(NamespacesTest, TakesNoOtherFileForANamespace) {
  EXPECT_TRUE(open_netns("/dev/null").has_error());
  EXPECT_TRUE(open_netns("/proc/self/ns/net").has_value());
}

}  // namespace
}  // namespace troop::agents
