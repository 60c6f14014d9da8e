// network.dns with real parts: libc asks a real name server, and hears what the fault makes of its answers. In a thread
// with a network and an /etc/resolv.conf of its own.
#include <gmock/gmock.h>

#include <atomic>
#include <functional>
#include <thread>

#include "agents/fault.hpp"
#include "agents/host/dns_answers.hpp"
#include "agents/host/nftables.hpp"
#include "tests/support/chatter.hpp"
#include "tests/support/coroutine.hpp"
#include "tests/support/name_server.hpp"

namespace troop::agents {
namespace {

using namespace std::chrono_literals;
using test::look_up;
using testing::ElementsAre;
using testing::HasSubstr;
using testing_support::run;
using Texts = std::vector<std::string>;

constexpr const char* at_once = "options timeout:2 attempts:1\n";

class NameResolutionTest : public testing::Test {
 protected:
  /// `resolver` is where the name server listens, and what libc asks.
  void with_name_server(const std::string& resolver, const std::string& options,
                        const std::function<void(const test::OwnResolvConf&)>& work) {
    if (access(test::NameServer::program, X_OK) != 0) FAIL() << "dnsmasq is not there (package dnsmasq-base)";
    std::thread{[&] {
      const test::PrivateNetwork network;
      if (!network.why_not().empty()) GTEST_SKIP() << network.why_not();
      const test::OwnResolvConf own{"nameserver " + resolver + "\n" + at_once + options};
      ASSERT_TRUE(own.ours()) << "no mount of its own";
      const test::NameServer server{{resolver}};
      const std::int64_t deadline = monotonic_ns() + Duration{20s}.count();
      while (look_up("db.test").error != 0 && monotonic_ns() < deadline) std::this_thread::sleep_for(10ms);
      ASSERT_THAT(look_up("db.test").addresses, ElementsAre("192.0.2.10"));
      work(own);
    }}.join();
  }
  static protocol::StepOrder ordered(const char* answer) {
    protocol::StepOrder order;
    order.number = 7;
    order.fault = "network.dns";
    order.victim = "here";
    order.parameters = {{"names", Texts{"DB.test"}}, {"answer", std::string{answer}}};
    return order;
  }
  /// While somebody asks for `asked`, again and again.
  Result<Proof> apply(const protocol::StepOrder& order, const char* asked = "db.test") {
    const std::jthread asking{[&](const std::stop_token& end) {
      while (!end.stop_requested()) (void)look_up(asked);
    }};
    return run(fault_.apply(parts_, order, {}));
  }
  void expect_undone(const protocol::StepOrder& order) {
    const auto reverted = run(fault_.revert(parts_, order, {}));
    ASSERT_TRUE(reverted) << reverted.error().context;
    EXPECT_THAT(look_up("db.test").addresses, ElementsAre("192.0.2.10"));
    EXPECT_THAT(Nftables::open().value().list("list ruleset").value(), testing::IsEmpty());
  }

  const Fault& fault_ = *find_fault("network.dns");
  test::HostParts parts_;
};

TEST_F(NameResolutionTest, HasEachAnswerThatCanBeChosen) {
  with_name_server("127.0.0.2", "", [&](const auto&) {
    for (const auto& [answer, error] : {std::pair{"nxdomain", EAI_NONAME}, std::pair{"servfail", EAI_AGAIN},
                                        std::pair{"nodata", EAI_NODATA}, std::pair{"none", EAI_AGAIN}}) {
      SCOPED_TRACE(answer);
      const auto order = ordered(answer);
      const auto applied = apply(order);
      ASSERT_TRUE(applied) << applied.error().context;
      EXPECT_THAT(applied.value().text, HasSubstr("the resolvers are 127.0.0.2, port 53"));
      EXPECT_EQ(look_up("db.test").error, error);
      EXPECT_EQ(look_up("dB.TEST").error, error);
      EXPECT_THAT(look_up("web.test").addresses, ElementsAre("192.0.2.11")) << "of which nobody spoke";
      expect_undone(order);
    }
    auto order = ordered("address");
    order.parameters["address"] = std::string{"203.0.113.9"};
    ASSERT_TRUE(apply(order));
    EXPECT_THAT(look_up("db.test").addresses, ElementsAre("203.0.113.9"));
    EXPECT_EQ(look_up("db.test", AF_INET6).error, EAI_NODATA);
    EXPECT_THAT(look_up("db.test", AF_UNSPEC).addresses, ElementsAre("203.0.113.9"));
    expect_undone(order);

    order = ordered("late");
    order.parameters["delay"] = Duration{300ms};
    ASSERT_TRUE(apply(order));
    const auto found = look_up("db.test");
    EXPECT_THAT(found.addresses, ElementsAre("192.0.2.10"));
    EXPECT_GE(found.took, 300ms);
    expect_undone(order);
  });
}

TEST_F(NameResolutionTest, IsBrokenOverIpv6WithExtensionsAndThroughTheLocalResolver) {
  for (const char* resolver : {"::1", "127.0.0.1"}) {
    SCOPED_TRACE(resolver);
    with_name_server(resolver, "options edns0\n", [&](const auto&) {
      for (const auto& [answer, error] : {std::pair{"nxdomain", EAI_NONAME}, std::pair{"servfail", EAI_AGAIN}}) {
        const auto order = ordered(answer);
        const auto applied = apply(order);
        ASSERT_TRUE(applied) << applied.error().context;
        EXPECT_THAT(applied.value().text, HasSubstr(resolver));
        EXPECT_EQ(look_up("db.test").error, error);
        EXPECT_THAT(look_up("web.test").addresses, ElementsAre("192.0.2.11"));
        expect_undone(order);
      }
      auto order = ordered("address");
      order.parameters["address"] = std::string{"2001:db8::9"};
      ASSERT_TRUE(apply(order));
      EXPECT_THAT(look_up("db.test", AF_INET6).addresses, ElementsAre("2001:db8::9"));
      expect_undone(order);
    });
  }
}

TEST_F(NameResolutionTest, HearsNoMoreOverTcpWhereAnAnswerWasCutAndAllWhereItAsksThatWay) {
  with_name_server("127.0.0.2", "", [&](const test::OwnResolvConf& own) {
    EXPECT_EQ(look_up("big.test").addresses.size(), 60U) << "over TCP, since it is too much for UDP";
    auto order = ordered("nxdomain");
    order.parameters["names"] = Texts{"big.test"};
    ASSERT_TRUE(apply(order, "big.test"));
    EXPECT_EQ(look_up("big.test").error, EAI_NONAME);
    own.write("nameserver 127.0.0.2\noptions use-vc\n");
    EXPECT_EQ(look_up("big.test").addresses.size(), 60U) << "TCP is not touched";
    own.write(std::string{"nameserver 127.0.0.2\n"} + at_once);
    expect_undone(order);
  });
}

TEST_F(NameResolutionTest, IsNotClaimedToBeBrokenWhereNobodyAsksForTheName) {
  with_name_server("127.0.0.2", "", [&](const auto&) {
    const auto order = ordered("nxdomain");
    const auto applied = apply(order, "web.test");
    ASSERT_TRUE(applied.has_error());
    EXPECT_EQ(applied.error().kind, ErrorKind::lost);
    expect_undone(order);
  });
}

TEST_F(NameResolutionTest, IsNotClaimedToBeBrokenWhereTheNameDoesNotExistAnyway) {
  with_name_server("127.0.0.2", "", [&](const auto&) {
    auto order = ordered("nxdomain");
    order.parameters["names"] = Texts{"nobody.test"};
    const auto applied = apply(order, "nobody.test");
    ASSERT_TRUE(applied.has_error()) << applied.value().text;
    EXPECT_EQ(applied.error().kind, ErrorKind::lost);
    expect_undone(order);
  });
}

TEST_F(NameResolutionTest, IsNotBrokenWithParametersThatDoNotFit) {
  test::HostParts parts;
  const auto expect_refused = [&](const protocol::StepOrder& order, const std::string& hint) {
    const auto planned = fault_.plan(parts, order);
    ASSERT_TRUE(planned.has_error()) << hint;
    EXPECT_EQ(planned.error().kind, ErrorKind::usage);
    EXPECT_THAT(planned.error().context, HasSubstr(hint));
  };
  auto order = ordered("nxdomain");
  order.parameters["peers"] = Texts{"db"};
  order.parameters["address"] = std::string{"192.0.2.1"};
  expect_refused(order, "'address' is for answer = \"address\"");
  order.parameters["answer"] = std::string{"address"};
  for (const char* wrong : {"0.0.0.0", "::"}) {
    order.parameters["address"] = std::string{wrong};
    expect_refused(order, "'address' is for");
  }
  order.parameters["address"] = std::string{"db.test"};
  expect_refused(order, "no IP address");
  order.parameters.erase("address");
  expect_refused(order, "'address' is for");
  order.parameters["answer"] = std::string{"late"};
  expect_refused(order, "'delay' is for answer = \"late\"");
  order.parameters["delay"] = Duration{11s};
  expect_refused(order, "beyond the queue");
  order.parameters["answer"] = std::string{"none"};
  expect_refused(order, "'delay' is for");
  order.parameters.erase("delay");
  order.parameters["names"] = Texts{"*"};
  expect_refused(order, "'*' is no name");
  order.parameters.erase("names");
  expect_refused(order, "'names'");
}

TEST(ResolversTest, AreThoseThatLibcWouldAsk) {
  EXPECT_EQ(resolvers_in(""), Texts{"127.0.0.1"});
  EXPECT_EQ(resolvers_in("# nameserver 192.0.2.1\n;nameserver 192.0.2.1\nnameservers 192.0.2.1\nsearch example\n"),
            Texts{"127.0.0.1"});
  EXPECT_EQ(resolvers_in("search a\nnameserver 192.0.2.1\nnameserver\tfe80::1%eth0 \noptions edns0\n"),
            (Texts{"192.0.2.1", "fe80::1"}));
  EXPECT_EQ(resolvers_in("nameserver ::1\nnameserver ::2\nnameserver ::3\nnameserver ::4").size(), 3U);
}

}  // namespace
}  // namespace troop::agents
