// Faults on the network of one control group: what its processes' sockets send and receive is met, and nobody else's.
// In a network namespace and control groups of the test's own.
#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/support/fault_name.hpp"
#include "tests/support/group_world.hpp"
#include "tests/support/temporary_folder.hpp"

namespace troop::agents {
namespace {

using test::all_of_them;
using test::arriving;
using test::Bystander;
using test::ControlGroupTest;
using test::Datagrams;
using test::datagrams_of;
using test::group_address;
using test::group_delay;
using test::GroupChatter;
using test::service_port;
using test::TestGroup;
using Texts = std::vector<std::string>;

class EveryNetworkFaultOnAGroup : public ControlGroupTest, public testing::WithParamInterface<Fault> {
 protected:
  void SetUp() override {
    ControlGroupTest::SetUp();
    if (!IsSkipped()) order_ = order_of(GetParam().name);
  }
  [[nodiscard]] bool is(std::initializer_list<std::string_view> names) const {
    return std::ranges::find(names, order_.fault) != names.end();
  }
};

TEST_P(EveryNetworkFaultOnAGroup, MeetsThatGroupAndSparesTheOthers) {
  ASSERT_TRUE(plan()) << plan().error().context;
  EXPECT_EQ(kernel_state(), before_);
  const GroupChatter chatter{hit_}, spared_chatter{spared_, "127.0.0.4"};
  const Datagrams service{"127.0.0.3", service_port}, met = datagrams_of(hit_, group_address),
                                                      spared = datagrams_of(spared_, group_address);
  const auto applied = apply();
  ASSERT_TRUE(applied) << applied.error().context;
  EXPECT_THAT(applied.value().text, testing::HasSubstr("; of the control group " + hit_.path() + " alone"));
  EXPECT_EQ(arriving(spared, service), all_of_them);
  const std::int64_t asked = monotonic_ns();
  EXPECT_EQ(arriving(service, spared), all_of_them);
  const std::int64_t took = monotonic_ns() - asked;
  EXPECT_TRUE(spared_chatter.is_connected());
  if (is({"network.partition", "network.reject", "network.blackhole", "network.loss", "network.corrupt"})) {
    EXPECT_EQ(arriving(service, met, 5, 300), 0U);
  }
  if (is({"network.partition", "network.reject", "network.blackhole", "network.loss"})) {
    EXPECT_EQ(arriving(met, service, 5, 300), 0U);
  }
  EXPECT_EQ(chatter.is_connected(), !is({"network.reset"}));
  if (is({"network.duplicate"})) {
    std::string text;
    service.send(met, "once");
    EXPECT_TRUE(met.receive(10'000, text) && text == "once" && met.receive(10'000, text) && text == "once");
  }
  if (is({"network.latency"})) {
    EXPECT_LT(took, Duration{group_delay}.count());
    const std::int64_t sent = monotonic_ns();
    EXPECT_EQ(arriving(service, met), all_of_them);
    EXPECT_GE(monotonic_ns() - sent, Duration{group_delay}.count());
  }
  if (parts_.holdings().contains(7)) {
    EXPECT_TRUE(parts_.holdings().at(7)->renew());
  }
  for (int i = 0; i < 2; ++i) {
    const auto reverted = revert();
    ASSERT_TRUE(reverted) << reverted.error().context;
    EXPECT_EQ(kernel_state(), before_);
  }
  std::string late;
  while (met.receive(0, late) || service.receive(0, late)) {
  }
  EXPECT_EQ(arriving(service, met), all_of_them);
  EXPECT_EQ(arriving(met, service), all_of_them);
}

std::vector<Fault> faults_named(std::initializer_list<std::string_view> names) {
  std::vector<Fault> found;
  for (const auto& fault : faults()) {
    const bool wanted =
        names.size() == 0 ? fault.name.starts_with("network.") : std::ranges::find(names, fault.name) != names.end();
    if (wanted) found.push_back(fault);
  }
  return found;
}
std::string name_of(const testing::TestParamInfo<Fault>& each) {
  std::string name{each.param.name};
  name.replace(name.find('.'), 1, "_");
  return name;
}

INSTANTIATE_TEST_SUITE_P(, EveryNetworkFaultOnAGroup, testing::ValuesIn(faults_named({})), name_of);

/// One for each way of telling whose a packet is.
class WayOfTelling : public EveryNetworkFaultOnAGroup {};

TEST_P(WayOfTelling, ClaimsNoEffectWhereOnlyOthersTalk) {
  // One of them is a process that has left the group before it made its sockets.
  const GroupChatter spared{spared_};
  const Datagrams service{"127.0.0.3", service_port};
  const Datagrams gone{
      hit_.socket_of([&] { return spared_.take(::getpid()) ? Datagrams{group_address}.release() : UniqueFd{}; })};
  ASSERT_TRUE(gone.open());
  std::jthread talks{[&](const std::stop_token& end) {
    while (!end.stop_requested()) {
      gone.send(service);
      service.send(gone);
      (void)service.receive(1);
      (void)gone.receive(0);
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
  }};
  const auto applied = apply();
  ASSERT_TRUE(applied.has_error()) << applied.value().text;
  EXPECT_EQ(applied.error().kind, ErrorKind::lost);
  EXPECT_TRUE(revert());
  EXPECT_EQ(kernel_state(), before_);
  EXPECT_TRUE(spared.is_connected());
}

INSTANTIATE_TEST_SUITE_P(, WayOfTelling,
                         testing::ValuesIn(faults_named({"network.partition", "network.corrupt", "network.bandwidth",
                                                         "network.reset"})),
                         name_of);

TEST_F(ControlGroupTest, IsRefusedWhereItIsNoPathOrNotThere) {
  for (const char* wrong : {"", "/", "troop", "/..", "/a/../b", "/a//b", "/a/", "/a b", "/a\"", "/a\" drop", "/a*",
                            "/$(reboot)", "/a;flush ruleset", "/a\nb"}) {
    order_.parameters["cgroup"] = std::string{wrong};
    expect_refused("'" + std::string{wrong} + "' is no path of a control group");
  }
  order_.parameters["cgroup"] = std::int64_t{1};
  expect_refused("'cgroup' is no text");
  order_.parameters["cgroup"] = hit_.path() + "-gone";
  expect_refused("there is no control group " + hit_.path() + "-gone");
  order_.parameters["cgroup"] = std::string{"/cgroup.procs"};
  expect_refused("there is no control group");
}

TEST_F(ControlGroupTest, IsRefusedWhereNobodyOfThisNetworkIsInIt) {
  one_.reset();
  expect_refused("no process in the control group " + hit_.path() + " lives in this host's network");
  {
    const test::PrivateNetwork elsewhere;
    one_.emplace("/bin/sleep", Texts{"120"});
  }
  ASSERT_TRUE(hit_.take(one_->pid()));
  expect_refused("lives in this host's network");
}

TEST_F(ControlGroupTest, IsRefusedWhereTheAgentOrSomebodyProtectedIsInIt) {
  const testing_support::TemporaryFolder folder;
  const auto path = folder / "policy.json";
  std::ofstream{path} << R"({"protected_processes": ["sleep"]})";
  std::filesystem::permissions(path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  setenv("TROOP_POLICY", path.c_str(), 1);
  expect_refused("which is protected: 'protected_processes' of policy file");
  unsetenv("TROOP_POLICY");

  const auto own = own_control_group();
  ASSERT_TRUE(own);
  ASSERT_TRUE(hit_.take(::getpid()));
  expect_refused("it is an agent of Troop, or was started by one");
  std::ofstream{own.value().folder + "/cgroup.procs"} << ::getpid();
  ASSERT_EQ(own_control_group().value().path, own.value().path);
  EXPECT_TRUE(plan());
}

TEST_F(ControlGroupTest, ThatIsRemovedEndsItsFaultLoudly) {
  ASSERT_TRUE(apply_to_chatter());
  ASSERT_TRUE(parts_.holdings().at(7)->renew());
  one_.reset();
  ASSERT_TRUE(hit_.remove());
  for (int i = 0; i < 2; ++i) {
    const auto renewed = parts_.holdings().at(7)->renew();
    ASSERT_TRUE(renewed.has_error());
    EXPECT_EQ(renewed.error().kind, ErrorKind::lost);
    EXPECT_THAT(renewed.error().context, testing::HasSubstr(hit_.path() + " has been removed"));
    ASSERT_TRUE(i > 0 || hit_.make_again());  // another of its name is not the same
  }
  EXPECT_TRUE(revert());
  EXPECT_EQ(kernel_state(), before_);
}

TEST_F(ControlGroupTest, HasAClassOfTrafficBesideAnothersAndNotWithin) {
  const TestGroup below{hit_.path()};
  const Bystander third{"/bin/sleep", Texts{"120"}};  // before the fault: else it would have the table's owner, too
  ASSERT_TRUE(below.take(third.pid()));
  order_ = order_of("network.bandwidth");
  ASSERT_TRUE(apply_to_chatter());
  order_.number = 8;
  for (const auto& path : {below.path(), hit_.path()}) {
    order_.parameters["cgroup"] = path;
    const auto refused = plan();
    ASSERT_TRUE(refused.has_error());
    EXPECT_THAT(refused.error().context, testing::HasSubstr("step 7 has sent some of these packets into a class"));
  }
  order_.parameters["cgroup"] = spared_.path();
  {
    const GroupChatter chatter{spared_};
    ASSERT_TRUE(apply());
  }
  EXPECT_TRUE(revert());
  order_.number = 7;
  EXPECT_TRUE(revert());
  EXPECT_EQ(kernel_state(), before_);
}

}  // namespace
}  // namespace troop::agents
