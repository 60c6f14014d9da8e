// Names among the peers of network faults, one fault for each way that packets are met: by a filter, by a queue, by a
// class of traffic. In a thread with a network and an /etc/hosts of its own.
#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "agents/fault.hpp"
#include "agents/faults/network_faults.hpp"
#include "agents/host/nftables.hpp"
#include "tests/support/chatter.hpp"
#include "tests/support/coroutine.hpp"
#include "tests/support/own_hosts.hpp"
#include "tests/support/qdiscs.hpp"

namespace troop::agents {
namespace {

using test::Chatter;
using test::Datagrams;
using testing::AllOf;
using testing::HasSubstr;
using testing_support::run;
using Texts = std::vector<std::string>;

std::string kernel_state() {
  auto nft = Nftables::open().value();
  return nft.list("list ruleset").value() + test::qdiscs();
}

class NamedPeersContract : public testing::TestWithParam<const char*> {
 protected:
  void with_hosts(const std::string& text, const std::function<void(const test::OwnHosts&)>& work) {
    std::thread{[&] {
      const test::PrivateNetwork network;
      if (!network.why_not().empty()) GTEST_SKIP() << network.why_not();
      const test::OwnHosts own{text};
      ASSERT_TRUE(own.ours()) << "no mount of its own";
      order_.number = 7;
      order_.fault = GetParam();
      order_.victim = "here";
      order_.parameters["peers"] = Texts{"db.test"};
      if (order_.fault == "network.duplicate") order_.parameters["percent"] = 100.0;
      if (order_.fault == "network.bandwidth") order_.parameters["rate_mbit"] = 0.02;
      fault_ = find_fault(order_.fault);
      before_ = kernel_state();
      work(own);
      if (parts_.holdings().contains(7)) (void)run(fault_->revert(parts_, order_, seen_));
    }}.join();
    unsetenv("TROOP_POLICY");
  }
  Result<Proof> apply() {
    seen_ = {};
    if (fault_->look != nullptr) {
      BOOST_OUTCOME_TRY(run(fault_->look(parts_, order_, seen_)));
    }
    return run(fault_->apply(parts_, order_, seen_));
  }
  void expect_refused(const std::string& hint) {
    const auto planned = fault_->plan(parts_, order_);
    ASSERT_TRUE(planned.has_error()) << hint;
    EXPECT_EQ(planned.error().kind, ErrorKind::usage);
    EXPECT_THAT(planned.error().context, AllOf(HasSubstr(hint), HasSubstr(order_.fault)));
    const auto applied = apply();
    ASSERT_TRUE(applied.has_error());
    EXPECT_THAT(applied.error().context, HasSubstr(hint));
    EXPECT_TRUE(parts_.holdings().empty());
    EXPECT_EQ(kernel_state(), before_);
  }
  void protect(const std::string& address) {
    const auto path = folder_ / "policy.json";
    std::ofstream{path} << R"({"protected_peers": [")" << address << "\"]}";
    std::filesystem::permissions(path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    setenv("TROOP_POLICY", path.c_str(), 1);
  }
  /// Renews as an agent does, until `seen`.
  bool renewed_until(const std::function<bool()>& seen) {
    const std::int64_t deadline = monotonic_ns() + Duration{std::chrono::seconds{60}}.count();
    while (monotonic_ns() < deadline) {
      const auto renewed = parts_.holdings().at(7)->renew();
      EXPECT_TRUE(renewed) << renewed.error().context;
      if (renewed.has_error() || seen()) return renewed.has_value();
      std::this_thread::sleep_for(std::chrono::milliseconds{20});
    }
    return false;
  }
  [[nodiscard]] std::string told() { return dynamic_cast<NetworkHolding&>(*parts_.holdings().at(7)).told_besides(); }
  /// What the fault does to what comes from there.
  [[nodiscard]] bool is_met(const std::string& from, const std::string& to) const {
    const Datagrams there{from}, here{to};
    if (order_.fault == "network.bandwidth") {
      return kernel_state().find(from + " ") != std::string::npos;  // in the set of what is sent into the class
    }
    there.send(here, "once");
    if (order_.fault == "network.partition") return !here.receive(500);
    return here.receive() && here.receive(1000);
  }

  testing_support::TemporaryFolder folder_;
  test::HostParts parts_;
  protocol::StepOrder order_;
  const Fault* fault_ = nullptr;
  boost::json::object seen_;
  std::string before_;
};

TEST_P(NamedPeersContract, AreMetWhereTheyAreAndWhereTheyMove) {
  with_hosts("127.0.0.2 db.test\n", [&](const test::OwnHosts& own) {
    ASSERT_TRUE(fault_->plan(parts_, order_));
    EXPECT_EQ(kernel_state(), before_);
    const Chatter chatter{"127.0.0.1", "127.0.0.2"};  // to the end: what is cut off while it connects waits for long
    const auto applied = apply();
    ASSERT_TRUE(applied) << applied.error().context;
    EXPECT_THAT(applied.value().text, HasSubstr("; db.test is 127.0.0.2"));
    EXPECT_TRUE(is_met("127.0.0.2", "127.0.0.1"));
    EXPECT_FALSE(is_met("127.0.0.3", "127.0.0.1"));
    EXPECT_FALSE(is_met("::1", "::1"));
    protect("127.0.0.4");
    own.write("127.0.0.3 db.test\n127.0.0.4 db.test\n::1 db.test\n");
    EXPECT_TRUE(renewed_until([&] { return told().find("127.0.0.3, ::1; left out") != std::string::npos; })) << told();
    EXPECT_THAT(told(), HasSubstr("db.test is 127.0.0.2, and later 127.0.0.3, ::1; left out: 127.0.0.4 ("));
    EXPECT_THAT(told(), HasSubstr("'protected_peers' has \"127.0.0.4\""));
    EXPECT_TRUE(is_met("127.0.0.3", "127.0.0.1"));
    EXPECT_TRUE(is_met("::1", "::1"));
    EXPECT_TRUE(is_met("127.0.0.2", "127.0.0.1")) << "it stays to the end";
    EXPECT_FALSE(is_met("127.0.0.4", "127.0.0.1"));
    const auto reverted = run(fault_->revert(parts_, order_, seen_));
    ASSERT_TRUE(reverted) << reverted.error().context;
    EXPECT_THAT(reverted.value().text, HasSubstr("and later 127.0.0.3, ::1; left out: 127.0.0.4"));
    EXPECT_EQ(kernel_state(), before_);
    for (const char* address : {"127.0.0.2", "127.0.0.3"}) EXPECT_FALSE(is_met(address, "127.0.0.1")) << address;
  });
}

TEST_P(NamedPeersContract, AreRefusedWhereTheyMeanNothingOrWhatIsProtected) {
  with_hosts("127.0.0.2 db.test\n0.0.0.0 nowhere.test\n", [&](const test::OwnHosts&) {
    protect("127.0.0.0/30");
    expect_refused("'protected_peers' has \"127.0.0.0/30\"; db.test is 127.0.0.2");
    unsetenv("TROOP_POLICY");
    order_.parameters["peers"] = Texts{"db", "gone.test"};
    expect_refused("'gone.test' does not resolve");
    order_.parameters["peers"] = Texts{"nowhere.test"};
    expect_refused("0.0.0.0 is no address that a packet comes from");
    order_.fault = "network.dns";
    fault_ = find_fault(order_.fault);
    order_.parameters = {{"peers", Texts{"db.test"}}, {"names", Texts{"*.test"}}};
    expect_refused("resolvers are addresses or hosts of the scenario");
  });
}

INSTANTIATE_TEST_SUITE_P(, NamedPeersContract,
                         testing::Values("network.partition", "network.duplicate", "network.bandwidth"),
                         [](const auto& each) {
                           std::string name = each.param;
                           name[name.find('.')] = '_';
                           return name;
                         });

}  // namespace
}  // namespace troop::agents
