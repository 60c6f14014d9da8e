// What every fault on a host's network owes, in a network namespace of the test's own, whose loopback plays the peers.
#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include "agents/fault.hpp"
#include "agents/host/nftables.hpp"
#include "agents/shaping_record.hpp"
#include "scenarios/model/faults/catalogue.hpp"
#include "tests/support/chatter.hpp"
#include "tests/support/coroutine.hpp"
#include "tests/support/fault_name.hpp"
#include "tests/support/qdiscs.hpp"
#include "tests/support/temporary_folder.hpp"

namespace troop::agents {
namespace {

using test::Chatter;
using test::HostParts;
using test::service_port;
using testing_support::run;
using Texts = std::vector<std::string>;

class EveryNetworkFault : public testing::TestWithParam<Fault> {
 protected:
  void SetUp() override {
    if (!network_.why_not().empty()) GTEST_SKIP() << network_.why_not();
    order_.number = 7;
    order_.fault = GetParam().name;
    order_.victim = "here";
    const auto* spec = model::find_fault(model::faults(), GetParam().name);
    ASSERT_NE(spec, nullptr);
    for (const auto& parameter : spec->parameters) {
      if (!parameter.required) continue;
      auto& value = order_.parameters[std::string{parameter.name}];
      if (parameter.name == "percent") value = 50.0;
      if (parameter.name == "rate_mbit") value = 0.02;
      if (parameter.name == "port") value = std::int64_t{service_port};
      if (parameter.name == "delay") value = Duration{std::chrono::milliseconds{20}};
      if (parameter.name == "names") value = Texts{"*.test"};
    }
    if (asks_resolvers()) order_.parameters["peers"] = Texts{"db", "web"};  // else this host's own
    if (asks_resolvers()) order_.parameters["port"] = std::int64_t{service_port};
    before_ = kernel_state();
  }
  /// Some act at once, and keep nothing in force.
  [[nodiscard]] static bool stays() { return GetParam().name != "network.reset"; }
  [[nodiscard]] static bool asks_resolvers() { return GetParam().name == "network.dns"; }
  static std::string kernel_state() {
    auto nft = Nftables::open().value();
    return nft.list("list ruleset").value() + test::qdiscs();
  }
  Result<UndoRecord> plan() { return GetParam().plan(parts_, order_); }
  Result<Proof> apply() {
    auto& seen = seen_[order_.number] = {};
    if (GetParam().look != nullptr) {
      BOOST_OUTCOME_TRY(run(GetParam().look(parts_, order_, seen)));
    }
    return run(GetParam().apply(parts_, order_, seen));
  }
  Result<Proof> revert() { return run(GetParam().revert(parts_, order_, seen_[order_.number])); }
  void expect_refused(const std::string& hint) {
    const auto undo = plan();
    ASSERT_TRUE(undo.has_error()) << hint;
    EXPECT_EQ(undo.error().kind, ErrorKind::usage);
    EXPECT_THAT(undo.error().context, testing::HasSubstr(hint));
    EXPECT_THAT(undo.error().context, testing::HasSubstr(order_.fault));
    EXPECT_TRUE(apply().has_error());
    EXPECT_EQ(kernel_state(), before_);
    EXPECT_TRUE(parts_.holdings().empty());
  }

  test::PrivateNetwork network_;
  HostParts parts_;
  protocol::StepOrder order_;
  std::map<std::int64_t, boost::json::object> seen_;
  std::string before_;
};

TEST_P(EveryNetworkFault, ChangesNothingWhenItIsPlanned) {
  const auto undo = plan();
  ASSERT_TRUE(undo) << undo.error().context;
  EXPECT_EQ(undo.value().state.at("fault").as_string(), GetParam().name);
  EXPECT_EQ(kernel_state(), before_);
  EXPECT_TRUE(parts_.holdings().empty());
}

TEST_P(EveryNetworkFault, RefusesWhatTheHostsPolicyProtects) {
  const testing_support::TemporaryFolder folder;
  const auto path = folder / "policy.json";
  setenv("TROOP_POLICY", path.c_str(), 1);
  const auto expect_protected = [&](const std::string& policy, const std::string& hint) {
    std::ofstream{path} << policy;
    std::filesystem::permissions(path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    expect_refused(hint);
  };
  const bool all_ports = !order_.parameters.contains("port");
  expect_protected(R"({"protected_peers": ["127.0.0.3"]})", all_ports
                                                                ? "on 127.0.0.3, all ports: 'protected_peers' has"
                                                                : "on 127.0.0.3, port 7777: 'protected_peers' has");
  if (!all_ports) {
    expect_protected(R"({"protected_ports": [7777]})", "on port 7777: 'protected_ports' has 7777");
  }
  std::ofstream{path} << R"({"protected_ports": [22]})";
  order_.parameters["port"] = std::int64_t{22};
  expect_refused("on port 22: 'protected_ports' has 22");
  order_.parameters["port"] = std::int64_t{23};
  EXPECT_TRUE(plan());
  unsetenv("TROOP_POLICY");
}

TEST_P(EveryNetworkFault, ProvesThatItTookEffectAndThatTheHostIsAsBefore) {
  const Chatter chatter{"127.0.0.1", "127.0.0.2"};
  const std::int64_t asked = monotonic_ns();
  const auto applied = apply();
  ASSERT_TRUE(applied) << applied.error().context;
  EXPECT_GE(applied.value().time, asked);
  EXPECT_EQ(kernel_state() != before_, stays());
  ASSERT_EQ(parts_.holdings().contains(7), stays());
  if (stays()) {
    EXPECT_TRUE(parts_.holdings().at(7)->renew());
  }
  for (int i = 0; i < 2; ++i) {
    const auto reverted = revert();
    ASSERT_TRUE(reverted) << reverted.error().context;
    EXPECT_FALSE(reverted.value().text.empty());
    EXPECT_EQ(kernel_state(), before_);
    EXPECT_TRUE(parts_.holdings().empty());
  }
}

TEST_P(EveryNetworkFault, ClaimsNoEffectWhereItMetNoPacket) {
  const Chatter not_with_a_peer{"127.0.0.1", "127.0.0.4"}, of_the_other_family{"::1", "::1"};
  const auto applied = apply();
  ASSERT_TRUE(applied.has_error());
  EXPECT_EQ(applied.error().kind, ErrorKind::lost);
  EXPECT_TRUE(revert());
  EXPECT_EQ(kernel_state(), before_);
}

TEST_P(EveryNetworkFault, IsNotFlushedByHandUnnoticed) {
  if (!stays()) return;
  const Chatter chatter{"127.0.0.1", "127.0.0.2"};
  ASSERT_TRUE(apply());
  auto somebody = Nftables::open();
  ASSERT_TRUE(somebody);
  const std::string tables_before = somebody.value().list("list tables").value();
  (void)somebody.value().run("flush ruleset");
  const auto tables = somebody.value().tables();
  ASSERT_TRUE(tables);
  for (const auto& table : tables.value()) (void)somebody.value().run("delete table inet " + table);
  EXPECT_EQ(somebody.value().list("list tables").value(), tables_before) << "the kernel keeps them for their owner";
  EXPECT_TRUE(parts_.holdings().at(7)->renew());
  if (const auto shaping = noted_shaping(seen_[7]); shaping.number != 0) {
    ASSERT_TRUE(unshape(shaping));
    EXPECT_TRUE(parts_.holdings().at(7)->renew().has_error()) << "a class of traffic has no owner";
  }
  EXPECT_TRUE(revert()) << "undone all the same";
  EXPECT_EQ(kernel_state(), before_);
}

TEST_P(EveryNetworkFault, ComposesWithAnother) {
  const Chatter one{"127.0.0.1", "127.0.0.2"}, two{"127.0.0.1", "127.0.0.3"};
  order_.parameters["peers"] = Texts{"db"};
  ASSERT_TRUE(apply());
  const auto with_one = parts_.holdings().size();
  order_.number = 8;
  order_.parameters["peers"] = Texts{"127.0.0.3"};
  ASSERT_TRUE(apply());
  order_.number = 7;
  EXPECT_TRUE(revert());
  EXPECT_EQ(parts_.holdings().size(), with_one);
  if (stays()) {
    EXPECT_TRUE(parts_.holdings().at(8)->renew());
  }
  order_.number = 8;
  EXPECT_TRUE(revert());
  EXPECT_EQ(kernel_state(), before_);
}

TEST_P(EveryNetworkFault, RefusesPeersThatAreNone) {
  for (const char* nobody :
       {"nobody", "", "here", "127.0.0.2; flush ruleset", "} drop", "$(reboot)", "127.0.0.2/8", "::1%lo"}) {
    order_.parameters["peers"] = Texts{"db", nobody};
    expect_refused("'" + std::string{nobody} + "'");
  }
  order_.parameters["peers"] = Texts{};
  expect_refused("no peer");
  parts_.others.clear();
  order_.parameters.erase("peers");
  if (!asks_resolvers()) expect_refused("no peer");
}

TEST_P(EveryNetworkFault, RefusesWhatTheCatalogueDoesNotOffer) {
  const auto sound = order_.parameters;
  const auto* spec = model::find_fault(model::faults(), GetParam().name);
  ASSERT_NE(spec, nullptr);
  for (const auto& parameter : spec->parameters) {
    for (const auto choice : parameter.choices) {
      order_.parameters = sound;
      order_.parameters[std::string{parameter.name}] = std::string{choice};
      if (parameter.name == "groups") {
        expect_refused("'groups' is for the plan");
        continue;
      }
      if (choice == "address") order_.parameters["address"] = std::string{"192.0.2.1"};
      if (choice == "late") order_.parameters["delay"] = Duration{std::chrono::milliseconds{20}};
      const bool by_netem = order_.fault != "network.bandwidth" && parameter.fallback != "both";
      if (by_netem && choice == "out" && !try_netem().able()) {
        expect_refused("sch_netem");
        expect_refused(order_.fault == "network.latency" ? "direction = \"in\" holds packets where they arrive"
                                                         : "direction = \"in\" alters packets where they arrive");
        continue;
      }
      EXPECT_TRUE(plan()) << choice;
    }
    if (parameter.choices.empty()) continue;
    for (const model::Value& wrong : {model::Value{"tcp drop"}, model::Value{""}, model::Value{std::int64_t{9}}}) {
      order_.parameters = sound;
      order_.parameters[std::string{parameter.name}] = wrong;
      expect_refused(std::string{parameter.name});
    }
  }
  order_.parameters = sound;
  for (const std::int64_t wrong : {-1, 65536}) {
    order_.parameters["port"] = wrong;
    expect_refused("port");
  }
}

std::vector<Fault> network_faults() {
  std::vector<Fault> found;
  for (const auto& fault : faults()) {
    if (fault.name.starts_with("network.")) found.push_back(fault);
  }
  return found;
}

INSTANTIATE_TEST_SUITE_P(, EveryNetworkFault, testing::ValuesIn(network_faults()), [](const auto& each) {
  std::string name{each.param.name};
  name.replace(name.find('.'), 1, "_");
  return name;
});

TEST(NetworkFaultsTest, AreThere) { EXPECT_GE(network_faults().size(), 4U); }

}  // namespace
}  // namespace troop::agents
