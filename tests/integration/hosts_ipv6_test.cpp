// Hosts that a run makes reach one another over IPv6 too, until a fault is between them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/made_hosts.hpp"
#include "tests/support/troop_test.hpp"

namespace troop::test {
namespace {

/// In the order in which the scenario has them.
constexpr const char* mq_address = "fd8a:3c5e:b1f0::1";
constexpr const char* app_address = "fd8a:3c5e:b1f0::2";

class HostsIPv6Test : public TroopTest<testing::Test> {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "hosts are network namespaces, which need root";
    if (access("/proc/sys/net/ipv6", F_OK) != 0) GTEST_SKIP() << "this kernel has no IPv6";
  }
  static ino_t network_of(const fs::path& process) {
    struct stat status {};
    return stat((process / "ns/net").c_str(), &status) == 0 ? status.st_ino : 0;
  }
  /// The network of the agent that was moved to a host, or of the one that moved by itself; -1 where it is not there
  /// yet.
  [[nodiscard]] UniqueFd network(bool moved) const {
    for (const pid_t pid : world_.processes()) {
      const fs::path process = "/proc/" + std::to_string(pid);
      if (slurp(process / "comm") != "troop-agent\n" || network_of(process) == network_of("/proc/self")) continue;
      if ((slurp(process / "cmdline").find("--netns") != std::string::npos) == moved)
        return UniqueFd{open((process / "ns/net").c_str(), O_RDONLY | O_CLOEXEC)};
    }
    return {};
  }
  bool find_hosts() {
    return eventually(
        [&] {
          if (!mq_) mq_ = network(false);
          if (!app_) app_ = network(true);
          return mq_ && app_;
        },
        60s);
  }
  [[nodiscard]] At mq() const { return {mq_.get(), mq_address}; }
  [[nodiscard]] At app() const { return {app_.get(), app_address}; }
  [[nodiscard]] bool both_connect(int within_ms) const {
    return connects(app(), mq(), within_ms) && connects(mq(), app(), within_ms);
  }

  UniqueFd mq_, app_;
};

TEST_F(HostsIPv6Test, AreCutOffBothWaysForAsLongAsTheFaultIsInForce) {
  TroopCommand troop{world_, run_arguments("network/partition-producers", {"duration=9s", "step.0.for=6s"})};
  ASSERT_TRUE(find_hosts()) << everything(troop);
  EXPECT_TRUE(both_connect(5000));
  ASSERT_TRUE(troop.says("network.partition on app", 60s)) << everything(troop);
  EXPECT_TRUE(eventually([&] { return !connects(app(), mq(), 300) && !connects(mq(), app(), 300); }, 5s));
  ASSERT_TRUE(troop.says("undo network.partition on app", 60s)) << everything(troop);
  EXPECT_TRUE(eventually([&] { return both_connect(1000); }, 10s));
  EXPECT_EQ(troop.exit_code(90s), 0) << everything(troop);
  EXPECT_FALSE(network(true) || network(false));
  expect_nothing_left();
}

TEST_F(HostsIPv6Test, AreCutOffOneWay) {
  TroopCommand troop{
      world_, run_arguments("network/partition-producers", {"duration=9s", "step.0.for=6s", "step.0.direction=in"})};
  ASSERT_TRUE(find_hosts()) << everything(troop);
  const Datagrams at_app = datagrams(app()), at_mq = datagrams(mq());
  EXPECT_TRUE(reaches(at_app, at_mq, 5000) && reaches(at_mq, at_app, 5000));
  ASSERT_TRUE(troop.says("network.partition on app", 60s)) << everything(troop);
  EXPECT_TRUE(eventually([&] { return !reaches(at_mq, at_app, 200); }, 5s));
  EXPECT_TRUE(reaches(at_app, at_mq, 2000));
  ASSERT_TRUE(troop.says("undo network.partition on app", 60s)) << everything(troop);
  EXPECT_TRUE(eventually([&] { return reaches(at_mq, at_app, 200); }, 10s));
  EXPECT_EQ(troop.exit_code(90s), 0) << everything(troop);
  expect_nothing_left();
}

}  // namespace
}  // namespace troop::test
