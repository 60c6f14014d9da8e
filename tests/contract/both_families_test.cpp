// Hosts that are made have an address of IPv4 and one of IPv6: a fault between two of them means both.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <atomic>
#include <chrono>

#include "agents/fault.hpp"
#include "agents/host/nftables.hpp"
#include "scenarios/model/faults/catalogue.hpp"
#include "tests/support/chatter.hpp"
#include "tests/support/coroutine.hpp"
#include "tests/support/fault_name.hpp"
#include "tests/support/made_hosts.hpp"
#include "tests/support/qdiscs.hpp"

namespace troop::agents {
namespace {

using namespace std::chrono_literals;
using test::At;
using test::Datagrams;
using test::service_port;
using testing_support::run;
using Texts = std::vector<std::string>;

/// Two who always talk, over a family of their choice, and have a connection.
class Talk {
 public:
  Talk(const At& from, const At& to) {
    (void)test::within(to.netns, [&] { listener_.emplace(to.address, service_port); });
    (void)test::within(from.netns, [&] { connection_ = listener_->connection_from(from.address); });
    thread_ = std::jthread{
        [here = test::datagrams(from), there = test::datagrams(to, service_port)](const std::stop_token& end) {
          while (!end.stop_requested()) {
            here.send(there);
            there.send(here);
            (void)there.receive(1);
            std::this_thread::sleep_for(1ms);
          }
        }};
  }
  [[nodiscard]] bool connected() const { return static_cast<bool>(connection_); }

 private:
  std::optional<test::Listener> listener_;
  UniqueFd connection_;
  std::jthread thread_;
};

/// The hosts app, where the fault is, mq and other.
class MadeHosts : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "network namespaces need root";
    const std::vector<model::Host> wanted{{.name = "app"}, {.name = "mq"}, {.name = "other"}};
    auto made = Network::make(wanted);
    ASSERT_TRUE(made) << made.error().context;
    hosts_ = std::move(made).value();
    if (host("mq").address6.empty()) GTEST_SKIP() << "no IPv6 here";
    parts_.others.clear();
    for (const char* peer : {"mq", "other"}) {
      parts_.others.push_back({peer, host(peer).address, host(peer).address6});
    }
    order_.number = 7;
    order_.victim = "app";
    order_.parameters["peers"] = Texts{"mq"};
    on_app([&] { before_ = kernel_state(); });
  }
  void TearDown() override {
    if (parts_.holdings().empty()) return;
    EXPECT_TRUE(revert());
  }
  static std::string kernel_state() {
    auto nft = Nftables::open().value();
    return nft.list("list ruleset").value() + test::qdiscs();
  }
  [[nodiscard]] const NetworkHost& host(const std::string& name) const { return *hosts_.find(name); }
  [[nodiscard]] At v4(const std::string& name) const { return {host(name).netns.get(), host(name).address}; }
  [[nodiscard]] At v6(const std::string& name) const { return {host(name).netns.get(), host(name).address6}; }
  void on_app(const std::function<void()>& work) const {
    ASSERT_TRUE(test::within(host("app").netns.get(), work)) << "no way into the host";
  }
  Result<Proof> apply(const std::string& fault) {
    order_.fault = fault;
    Result<Proof> applied = Error{ErrorKind::lost, "not tried"};
    on_app([&] {
      const Fault* const found = find_fault(fault);
      if (found->look != nullptr) {
        if (auto looked = run(found->look(parts_, order_, seen_)); looked.has_error()) {
          applied = looked.error();
          return;
        }
      }
      applied = run(found->apply(parts_, order_, seen_));
    });
    return applied;
  }
  bool revert() {
    bool reverted = false;
    on_app([&] {
      reverted = run(find_fault(order_.fault)->revert(parts_, order_, seen_)).has_value();
      EXPECT_EQ(kernel_state(), before_);
    });
    return reverted;
  }

  Network hosts_;
  test::HostParts parts_;
  protocol::StepOrder order_;
  boost::json::object seen_;
  std::string before_;
};

class EveryFaultBetweenHosts : public MadeHosts, public testing::WithParamInterface<Fault> {
 protected:
  void SetUp() override {
    MadeHosts::SetUp();
    for (const auto& parameter : model::find_fault(model::faults(), GetParam().name)->parameters) {
      if (!parameter.required) continue;
      auto& value = order_.parameters[std::string{parameter.name}];
      if (parameter.name == "percent") value = 50.0;
      if (parameter.name == "rate_mbit") value = 0.02;
      if (parameter.name == "port") value = std::int64_t{service_port};
      if (parameter.name == "delay") value = Duration{20ms};
    }
  }
};

TEST_P(EveryFaultBetweenHosts, IsProvenByPacketsOfIPv6Alone) {
  const Talk talk{v6("app"), v6("mq")};
  ASSERT_TRUE(talk.connected());
  const auto applied = apply(std::string{GetParam().name});
  ASSERT_TRUE(applied) << applied.error().context;
  EXPECT_TRUE(revert());
}

TEST_P(EveryFaultBetweenHosts, IsProvenByPacketsOfIPv4Alone) {
  const Talk talk{v4("app"), v4("mq")};
  ASSERT_TRUE(talk.connected());
  const auto applied = apply(std::string{GetParam().name});
  ASSERT_TRUE(applied) << applied.error().context;
  EXPECT_TRUE(revert());
}

std::vector<Fault> between_hosts() {
  std::vector<Fault> all;
  for (const auto& fault : faults()) {
    if (fault.name.starts_with("network.") && fault.name != "network.dns") all.push_back(fault);
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(, EveryFaultBetweenHosts, testing::ValuesIn(between_hosts()), [](const auto& each) {
  std::string name{each.param.name};
  name.replace(name.find('.'), 1, "_");
  return name;
});

TEST(FaultsBetweenHosts, AreThere) { EXPECT_GE(between_hosts().size(), 10U); }

TEST_F(MadeHosts, LoseOneAnotherInBothFamiliesAndNobodyElse) {
  const Talk talk{v4("app"), v4("mq")};  // the proof is of this family
  ASSERT_TRUE(test::connects(v6("app"), v6("mq"), 5000));
  ASSERT_TRUE(apply("network.partition"));
  for (const auto& [one, other] : {std::pair{v4("app"), v4("mq")}, std::pair{v6("app"), v6("mq")}}) {
    EXPECT_FALSE(test::connects(one, other, 300)) << other.address;
    EXPECT_FALSE(test::connects(other, one, 300)) << one.address;
  }
  EXPECT_TRUE(test::connects(v6("app"), v6("other"), 5000));
  EXPECT_TRUE(test::connects(v6("other"), v6("app"), 5000));
  EXPECT_TRUE(test::connects(v6("other"), v6("mq"), 5000));
  EXPECT_TRUE(revert());
  EXPECT_TRUE(test::connects(v6("app"), v6("mq"), 5000));
  EXPECT_TRUE(test::connects(v6("mq"), v6("app"), 5000));
}

TEST_F(MadeHosts, AreCutOffOneWay) {
  const Talk talk{v4("app"), v4("mq")};
  const Datagrams app = test::datagrams(v6("app")), mq = test::datagrams(v6("mq"));
  for (const bool in : {true, false}) {
    ASSERT_TRUE(test::reaches(app, mq, 5000) && test::reaches(mq, app, 5000));
    order_.parameters["direction"] = std::string{in ? "in" : "out"};
    ASSERT_TRUE(apply("network.partition"));
    EXPECT_FALSE(in ? test::reaches(mq, app, 300) : test::reaches(app, mq, 300));
    EXPECT_TRUE(in ? test::reaches(app, mq, 5000) : test::reaches(mq, app, 5000));
    EXPECT_FALSE(test::connects(v6("app"), v6("mq"), 300));
    EXPECT_TRUE(revert());
  }
  EXPECT_TRUE(test::connects(v6("app"), v6("mq"), 5000));
}

TEST_F(MadeHosts, HearEachOtherLaterInBothFamilies) {
  constexpr auto delay = 150ms;
  order_.parameters["delay"] = Duration{delay};
  order_.parameters["direction"] = std::string{"in"};
  const Talk talk{v4("app"), v4("mq")};
  ASSERT_TRUE(apply("network.latency"));
  for (const auto& [here, there] : {std::pair{v4("app"), v4("mq")}, std::pair{v6("app"), v6("mq")}}) {
    const Datagrams app = test::datagrams(here), mq = test::datagrams(there);
    const auto sent = std::chrono::steady_clock::now();
    EXPECT_TRUE(test::reaches(mq, app, 10'000)) << here.address;
    EXPECT_GE(std::chrono::steady_clock::now() - sent, delay - 1ms) << here.address;
  }
  EXPECT_TRUE(revert());
}

TEST_F(MadeHosts, LoseTheirShareOfPacketsOfIPv6) {
  order_.parameters["direction"] = std::string{"in"};
  order_.parameters["percent"] = 50.0;
  const Talk talk{v4("app"), v4("mq")};
  ASSERT_TRUE(apply("network.loss"));
  const Datagrams app = test::datagrams(v6("app")), mq = test::datagrams(v6("mq"));
  constexpr int sent = 1000;
  for (int i = 0; i < sent; ++i) ASSERT_TRUE(mq.send(app));
  int arrived = 0;
  for (std::string any; app.receive(500, any);) ++arrived;
  // By chance it is beyond this once in ten thousand million times.
  EXPECT_GT(arrived, sent * 4 / 10);
  EXPECT_LT(arrived, sent * 6 / 10);
  EXPECT_TRUE(revert());
}

}  // namespace
}  // namespace troop::agents
