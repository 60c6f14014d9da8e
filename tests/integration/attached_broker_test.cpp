// Runs on a broker that others run, as a user does: what is theirs is neither touched nor consumed, and afterwards the
// broker is as it was.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/attached_world.hpp"

namespace troop::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr Duration run_max = 150s;

constexpr std::string_view begin = R"(
name = "attached"
duration = "6s"
[workload]
producers = 2
consumers = 2
rate = 500
[workload.publish]
retry = { attempts = 100, initial = "100ms", max = "1s", timeout = "5s" }
[[steady_state]]
probe = "amqp.publish"
tolerance = { success = ">= 0.99" }
[[invariant]]
kind = "accounting"
[[invariant]]
kind = "recovery"
within = "20s"
[system.broker.attach]
url_from = "env:TROOP_BROKER_URL"
management_from = "env:TROOP_MANAGEMENT_URL"
)";

class AttachedBrokerTest : public testing::Test {
 protected:
  void SetUp() override {
    auto started = SomebodysBroker::start();
    ASSERT_TRUE(started) << started.error().context;
    owner_ = std::move(started).value();
  }
  /// A scenario that ends with `more`, which is in [system.broker.attach] at first.
  std::vector<std::string> arguments(const std::string& more) {
    const fs::path file = world_.root() / "attached.toml";
    std::ofstream{file} << begin << more;
    return {"run", file.string(), "--out", world_.run_directory().string(), "--seed", "7"};
  }
  static std::string everything(const TroopCommand& troop) { return troop.output() + troop.errors(); }
  /// Neither in what was said nor in any file of the run.
  void expect_no_password(const TroopCommand& troop) {
    EXPECT_THAT(everything(troop), Not(HasSubstr(owner_->password())));
    for (const auto& entry : fs::recursive_directory_iterator{world_.root()}) {
      if (!entry.is_regular_file()) continue;
      EXPECT_THAT(slurp(entry.path()), Not(HasSubstr(owner_->password()))) << entry.path();
    }
  }
  void expect_nothing_left() {
    EXPECT_TRUE(eventually([&] { return world_.processes().empty(); }, 1s)) << "processes are left";
    EXPECT_THAT(world_.leftovers(), IsEmpty());
  }

  World world_;
  std::unique_ptr<SomebodysBroker> owner_;
};

TEST_F(AttachedBrokerTest, WorksInAVhostOfItsOwnAndDeletesIt) {
  const std::string before = owner_->picture();
  TroopCommand troop{world_, arguments(R"(
vhost = "troop/of its own"
create = true
[[step]]
at = "2s"
fault = "broker.close_connections"
target = "broker"
for = "1s"
)"),
                     owner_->variables()};
  // While it runs: the password is in no command line.
  EXPECT_TRUE(troop.says("broker.close_connections", 20s)) << everything(troop);
  for (const pid_t pid : world_.processes()) {
    EXPECT_THAT(slurp("/proc/" + std::to_string(pid) + "/cmdline"), Not(HasSubstr(owner_->password())));
  }
  ASSERT_EQ(troop.exit_code(run_max), 0) << everything(troop);
  const auto document = run_json(world_);
  const auto& fault = document.at("faults").at(0).as_object();
  EXPECT_EQ(fault.at("outcome").as_string(), "proven");
  EXPECT_THAT(std::string{fault.at("proof").as_string()}, HasSubstr("closed 4 connections"));
  EXPECT_THAT(std::string{fault.at("back_end").as_string()}, HasSubstr("management API"));
  EXPECT_EQ(owner_->picture(), before);
  expect_nothing_left();
  expect_no_password(troop);
}

}  // namespace
}  // namespace troop::test
