// No text of a scenario is ever run, read as a rule, or taken for a part of a path: over every text of every fault on a
// host that the catalogue has. Those of the broker: broker_control_test.cpp.
#include <gmock/gmock.h>

#include <filesystem>
#include <set>

#include "agents/fault.hpp"
#include "agents/host/nftables.hpp"
#include "scenarios/model/faults/catalogue.hpp"
#include "tests/support/bystander.hpp"
#include "tests/support/chatter.hpp"
#include "tests/support/coroutine.hpp"
#include "tests/support/fault_name.hpp"
#include "tests/support/qdiscs.hpp"
#include "tests/support/temporary_folder.hpp"

namespace troop::agents {
namespace {

using model::ParameterType;
using testing_support::run;
using Texts = std::vector<std::string>;

bool is_text(const model::Parameter& parameter) {
  const auto type = parameter.type;
  return type == ParameterType::text || type == ParameterType::choice || type == ParameterType::text_list;
}
bool takes_texts_on_a_host(const Fault& fault) {
  if (fault.name.starts_with("broker.") || fault.name == "clock.skew") return false;  // they act on parts of a run
  const auto* spec = model::find_fault(model::faults(), fault.name);
  return spec != nullptr && std::ranges::any_of(spec->parameters, is_text);
}

std::vector<Fault> those_on_a_host() {
  std::vector<Fault> chosen;
  std::ranges::copy_if(faults(), std::back_inserter(chosen), takes_texts_on_a_host);
  return chosen;
}

class EveryText : public testing::TestWithParam<Fault> {
 protected:
  void SetUp() override {
    if (!network_.why_not().empty()) GTEST_SKIP() << network_.why_not();
    const auto* spec = model::find_fault(model::faults(), GetParam().name);
    ASSERT_NE(spec, nullptr);
    spec_ = *spec;
    auto nft = Nftables::open().value();
    ASSERT_TRUE(nft.run("add table inet somebody\nadd chain inet somebody theirs"));
    before_ = host();
  }
  /// Texts that would leave the mark, or take away somebody's table, were anybody to run them.
  [[nodiscard]] Texts hostile() const {
    const std::string touch = "touch " + mark_;
    return {"$(" + touch + ")",
            "`" + touch + "`",
            "; " + touch + " #",
            "| " + touch,
            "&& " + touch,
            "x\n" + touch + "\n",
            "'; " + touch + "; '",
            "\"; " + touch + "; \"",
            "127.0.0.2 }; flush ruleset; #",
            "} ; delete table inet somebody ; #",
            "../../../../" + mark_,
            "--help",
            "%n%s%s%s%n",
            std::string("a\0b", 3),
            "\xff\xfe",
            std::string(100'000, 'x')};
  }
  /// Rules, queues, the bystander, files.
  [[nodiscard]] std::string host() const {
    auto nft = Nftables::open().value();
    std::set<std::string> files;
    for (const auto& file : std::filesystem::recursive_directory_iterator{folder_ / ""}) files.insert(file.path());
    std::string out = nft.list("list ruleset").value() + test::qdiscs();
    const char state = process_state(bystander_.pid());
    out += state == 'S' || state == 'R' ? "it runs" : "it does not run";
    for (const auto& file : files) out += "\n" + file;
    return out;
  }
  [[nodiscard]] protocol::StepOrder sound() const {
    protocol::StepOrder order;
    order.number = 7;
    order.fault = GetParam().name;
    order.victim = "here";
    order.period = std::chrono::seconds{1};
    for (const auto& parameter : spec_.parameters) {
      if (!parameter.required) continue;
      auto& value = order.parameters[std::string{parameter.name}];
      if (parameter.type == ParameterType::number) value = 1.0;
      if (parameter.type == ParameterType::integer) value = std::int64_t{1};
      if (parameter.type == ParameterType::duration) value = Duration{std::chrono::milliseconds{20}};
      if (parameter.type == ParameterType::text) value = folder_ / "";
      if (parameter.type == ParameterType::text_list) value = Texts{"*.test"};
    }
    return order;
  }
  /// As far as it gets, and back.
  void live_through(const protocol::StepOrder& order) {
    auto record = GetParam().plan(parts_, order);
    if (record.has_error()) return;
    if (GetParam().look != nullptr && run(GetParam().look(parts_, order, record.value().state)).has_error()) return;
    (void)run(GetParam().apply(parts_, order, record.value().state));
    const auto undone = run(GetParam().revert(parts_, order, record.value().state));
    EXPECT_TRUE(undone) << undone.error().context;
  }

  const test::PrivateNetwork network_;
  const testing_support::TemporaryFolder folder_;
  const std::string mark_ = folder_ / "mark";
  const test::Bystander bystander_{folder_ / "", test::fresh_program_name(), "1800"};
  test::HostParts parts_;
  model::FaultSpec spec_;
  std::string before_;
};

TEST_P(EveryText, IsTakenLiterallyOrRefused) {
  for (const auto& parameter : spec_.parameters) {
    if (!is_text(parameter)) continue;
    for (const auto& text : hostile()) {
      SCOPED_TRACE(std::string{parameter.name} + " = " + text.substr(0, 60));
      auto order = sound();
      auto& value = order.parameters[std::string{parameter.name}];
      if (parameter.type == ParameterType::text_list) {
        value = Texts{text};
      } else {
        value = text;
      }
      live_through(order);
      ASSERT_EQ(host(), before_);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(, EveryText, testing::ValuesIn(those_on_a_host()), [](const auto& each) {
  std::string name{each.param.name};
  std::ranges::replace(name, '.', '_');
  return name;
});

}  // namespace
}  // namespace troop::agents
