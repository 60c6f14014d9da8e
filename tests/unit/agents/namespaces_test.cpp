// Hosts on one machine reach one another and nothing else, and leave nothing.
#include "agents/host/namespaces.hpp"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/if_addr.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/ip/tcp.hpp>
#include <fstream>
#include <sstream>
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

/// What the thread's network has, but for loopback's; each with whether it is still looked for elsewhere (tentative).
std::vector<std::string> addresses6() {
  std::vector<std::string> found;
  std::ifstream lines{"/proc/thread-self/net/if_inet6"};  // ADDRESS INDEX PREFIX SCOPE FLAGS NAME
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words{line};
    std::string address, index, prefix, scope, flags, name;
    words >> address >> index >> prefix >> scope >> flags >> name;
    const bool tentative = (std::stoul(flags, nullptr, 16) & IFA_F_TENTATIVE) != 0;
    if (name != "lo") found.push_back(address + (tentative ? " tentative" : ""));
  }
  return found;
}

TEST_F(NamespacesTest, HostsHaveOneAddressOfIPv6AndNoOther) {
  if (access("/proc/sys/net/ipv6", F_OK) != 0) GTEST_SKIP() << "this kernel has no IPv6";
  const std::vector<model::Host> wanted{{.name = "mq"}, {.name = "app"}};
  const auto network = Network::make(wanted);
  ASSERT_TRUE(network.has_value()) << network.error().context;
  std::string digit = "1";
  for (const auto& host : network.value().hosts()) {
    EXPECT_EQ(host.address6, "fd8a:3c5e:b1f0::" + digit);
    on(host, [&] {
      // At once: nobody waits for other hosts to object, and no link-local one comes later.
      EXPECT_THAT(addresses6(), testing::ElementsAre("fd8a3c5eb1f00000000000000000000" + digit));
      for (const char* setting : {"all/forwarding", "eth0/forwarding", "eth0/accept_ra", "eth0/autoconf"}) {
        std::string value;
        std::ifstream{std::string{"/proc/sys/net/ipv6/conf/"} + setting} >> value;
        EXPECT_EQ(value, "0") << setting;
      }
    });
    ++digit.front();
  }
  const auto mq = boost::asio::ip::make_address(network.value().hosts()[0].address6);
  UniqueFd listener;
  const boost::asio::ip::tcp::endpoint there{mq, 5672};
  on(network.value().hosts()[0], [&] {
    listener.reset(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(bind(listener.get(), there.data(), static_cast<socklen_t>(there.size())), 0);
    ASSERT_EQ(listen(listener.get(), 1), 0);
  });
  on(network.value().hosts()[1], [&] {
    const UniqueFd client{socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    EXPECT_EQ(connect(client.get(), there.data(), static_cast<socklen_t>(there.size())), 0);
    EXPECT_THAT(addresses6(), testing::SizeIs(1));
  });
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
