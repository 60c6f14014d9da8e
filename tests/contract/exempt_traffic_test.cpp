// Faults on a host's network that mean everybody: what the host's policy protects goes on, and the host with itself. A
// cable into another network namespace of the test's own leads to the rest of the world.
#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "agents/faults/network_faults.hpp"
#include "agents/faults/table.hpp"
#include "tests/support/chatter.hpp"
#include "tests/support/coroutine.hpp"
#include "tests/support/fault_name.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/veth_pair.hpp"

namespace troop::agents {
namespace {

using test::Datagrams;
using test::Listener;
using test::service_port;
using test::VethPair;
using testing::HasSubstr;
using testing_support::run;

constexpr std::uint16_t ssh_port = 22, chatter_port = 7778;
constexpr int soon_ms = 5'000, no_longer_ms = 50;

void beyond(const VethPair& cable, const std::function<void()>& act) {
  std::thread{[&] {
    ASSERT_TRUE(enter(cable.far()));
    act();
  }}.join();
}

/// A conversation of the host with a port beyond the cable.
class Conversation {
 public:
  Conversation(const VethPair& cable, bool v6, std::uint16_t port)
      : near_(v6 ? VethPair::near_address6 : VethPair::near_address) {
    beyond(cable, [&] { far_.emplace(v6 ? VethPair::far_address6 : VethPair::far_address, port); });
  }
  [[nodiscard]] bool goes_on() const { return hears(near_, *far_, soon_ms) && hears(*far_, near_, soon_ms); }
  [[nodiscard]] bool is_cut() const { return !hears(near_, *far_, no_longer_ms) && !hears(*far_, near_, no_longer_ms); }

 private:
  static bool hears(const Datagrams& one, const Datagrams& other, int patience_ms) {
    std::string text;
    one.send(other, "hello");
    return other.receive(patience_ms, text) && text == "hello";
  }
  Datagrams near_;
  std::optional<Datagrams> far_;
};

class ExemptTrafficTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!network_.why_not().empty()) GTEST_SKIP() << network_.why_not();
    ASSERT_EQ(cable_.why_not(), "");
    order_.number = 7;
    order_.victim = "here";
    order_.parameters["peers"] = std::vector<std::string>{"any"};
    beyond(cable_, [&] { listener_.emplace(VethPair::far_address, chatter_port); });
    chatter_ = std::jthread{[&](const std::stop_token& end) {
      const Datagrams here{VethPair::near_address};
      std::optional<Datagrams> there;
      beyond(cable_, [&] { there.emplace(VethPair::far_address, chatter_port); });
      while (!end.stop_requested()) {
        here.send(*there, "chatter");
        there->send(here, "chatter");
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
      }
    }};
  }
  void TearDown() override { unsetenv("TROOP_POLICY"); }
  void set_policy(const std::string& text) {
    const auto path = folder_ / "policy.json";
    std::ofstream{path} << text;
    std::filesystem::permissions(path, std::filesystem::perms::owner_read);
    setenv("TROOP_POLICY", path.c_str(), 1);
  }
  Result<Proof> apply(const Fault& fault) {
    order_.fault = fault.name;
    return run(fault.apply(parts_, order_, seen_));
  }
  void expect_in_force(const Fault& fault, const std::string& exempt) {
    const auto applied = apply(fault);
    ASSERT_TRUE(applied) << applied.error().context;
    EXPECT_THAT(applied.value().text, HasSubstr("; exempt: " + exempt));
  }
  void expect_undone(const Fault& fault) {
    const auto reverted = run(fault.revert(parts_, order_, seen_));
    ASSERT_TRUE(reverted) << reverted.error().context;
  }

  const test::PrivateNetwork network_;
  const VethPair cable_;
  const testing_support::TemporaryFolder folder_;
  test::HostParts parts_;
  protocol::StepOrder order_;
  const boost::json::object seen_;
  std::optional<Listener> listener_;
  std::jthread chatter_;
};

class CutFromEverybodyTest : public ExemptTrafficTest, public testing::WithParamInterface<Fault> {
 protected:
  void SetUp() override {
    ExemptTrafficTest::SetUp();
    if (GetParam().name == network_loss.name) order_.parameters["percent"] = 100.0;
  }
};

TEST_P(CutFromEverybodyTest, StillHearsSshAndItself) {
  ASSERT_NO_FATAL_FAILURE(expect_in_force(GetParam(), "port 22"));
  for (const bool v6 : {false, true}) {
    SCOPED_TRACE(v6 ? "IPv6" : "IPv4");
    const Conversation service{cable_, v6, service_port}, ssh{cable_, v6, ssh_port};
    EXPECT_TRUE(service.is_cut());
    EXPECT_TRUE(ssh.goes_on());
    const Datagrams one{v6 ? "::1" : "127.0.0.1"}, other{v6 ? VethPair::near_address6 : VethPair::near_address};
    EXPECT_TRUE(one.send(one) && one.receive(soon_ms));
    EXPECT_TRUE(other.send(other) && other.receive(soon_ms)) << "over loopback too";
  }
  ASSERT_TRUE(parts_.holdings().at(7)->renew());
  const Conversation service{cable_, true, service_port};
  EXPECT_TRUE(service.is_cut()) << "renewed";
  ASSERT_NO_FATAL_FAILURE(expect_undone(GetParam()));
  EXPECT_TRUE(service.goes_on());
}

TEST_P(CutFromEverybodyTest, StillHearsWhomItsPolicyProtects) {
  set_policy(R"({"protected_peers": ["fd77::/64", "10.77.0.9"], "protected_ports": [7777]})");
  ASSERT_NO_FATAL_FAILURE(expect_in_force(GetParam(), "port 7777, 10.77.0.9/32, fd77::/64"));
  EXPECT_TRUE((Conversation{cable_, true, ssh_port}.goes_on())) << "a peer that is protected";
  EXPECT_TRUE((Conversation{cable_, false, ssh_port}.is_cut())) << "another peer; ssh is not on the policy's list";
  EXPECT_TRUE((Conversation{cable_, false, service_port}.goes_on())) << "a port that is protected";
  ASSERT_NO_FATAL_FAILURE(expect_undone(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(, CutFromEverybodyTest, testing::Values(network_partition, network_reject, network_loss),
                         [](const auto& each) {
                           std::string name{each.param.name};
                           std::ranges::replace(name, '.', '_');
                           return name;
                         });

TEST_F(ExemptTrafficTest, IsNotLedThroughAQueue) {
  set_policy(R"({"protected_peers": ["fd77::/64"], "protected_ports": [22]})");
  order_.parameters["percent"] = 100.0;
  ASSERT_NO_FATAL_FAILURE(expect_in_force(network_duplicate, "port 22, fd77::/64"));
  const auto comes_twice = [&](bool v6, std::uint16_t port) {
    std::optional<Datagrams> far;
    beyond(cable_, [&] { far.emplace(v6 ? VethPair::far_address6 : VethPair::far_address, port); });
    const Datagrams near{v6 ? VethPair::near_address6 : VethPair::near_address};
    far->send(near);
    EXPECT_TRUE(near.receive(soon_ms));
    return near.receive(port == service_port && !v6 ? soon_ms : no_longer_ms);
  };
  EXPECT_TRUE(comes_twice(false, service_port));
  EXPECT_FALSE(comes_twice(false, ssh_port));
  EXPECT_FALSE(comes_twice(true, service_port)) << "a peer that is protected";
  ASSERT_TRUE(parts_.holdings().at(7)->renew());
  EXPECT_TRUE(comes_twice(false, service_port)) << "renewed";
  ASSERT_NO_FATAL_FAILURE(expect_undone(network_duplicate));
}

TEST_F(ExemptTrafficTest, KeepsItsConnectionsWhereOthersAreReset) {
  const Listener here{VethPair::near_address};
  std::optional<Listener> ssh;
  beyond(cable_, [&] { ssh.emplace(VethPair::far_address, ssh_port); });
  const auto to_service = listener_->connection_from(VethPair::near_address);
  const auto to_ssh = ssh->connection_from(VethPair::near_address);
  const auto to_itself = here.connection_from(VethPair::near_address);
  ASSERT_TRUE(to_service && to_ssh && to_itself);
  ASSERT_NO_FATAL_FAILURE(expect_in_force(network_reset, "port 22"));
  const auto is_open = [](const UniqueFd& fd) { return ::send(fd.get(), "x", 1, MSG_NOSIGNAL) == 1; };
  EXPECT_FALSE(is_open(to_service));
  EXPECT_TRUE(is_open(to_ssh));
  EXPECT_TRUE(is_open(to_itself));
}

TEST_F(ExemptTrafficTest, IsRefusedToFaultsThatHaveToKnowTheirPeers) {
  order_.parameters["rate_mbit"] = 1.0;
  order_.fault = network_bandwidth.name;
  const auto limited = network_bandwidth.plan(parts_, order_);
  ASSERT_TRUE(limited.has_error());
  EXPECT_THAT(limited.error().context, HasSubstr("have to be named"));
  order_.parameters["names"] = std::vector<std::string>{"db.test"};
  order_.fault = network_dns.name;
  const auto asked = network_dns.plan(parts_, order_);
  ASSERT_TRUE(asked.has_error());
  EXPECT_THAT(asked.error().context, HasSubstr("one by one"));
  order_.parameters["peers"] = std::vector<std::string>{"any", "db"};
  order_.fault = network_partition.name;
  const auto with_others = network_partition.plan(parts_, order_);
  ASSERT_TRUE(with_others.has_error());
  EXPECT_THAT(with_others.error().context, HasSubstr("no others beside it"));
}

}  // namespace
}  // namespace troop::agents
