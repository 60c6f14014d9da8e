// Runs of Troop on a broker that others run.
#pragma once

#include <string>
#include <vector>

#include "tests/support/somebodys_broker.hpp"
#include "tests/support/troop_test.hpp"

namespace troop::test {

/// Runs of the real `troop` on it.
class AttachedRunTest : public TroopTest<testing::Test> {
 protected:
  static constexpr Duration run_max = 150s;

  /// A scenario that ends with `more`, which is in [system.broker.attach] at first.
  std::vector<std::string> arguments(const std::string& more, const std::vector<std::string>& options = {}) {
    const fs::path file = world_.root() / "attached.toml";
    const bool breaks_something = more.find("[[step]]") != std::string::npos;
    std::ofstream{file} << attached_begin << more << (breaks_something ? attached_recovery : "");
    std::vector<std::string> all{"run", file.string(), "--out", world_.run_directory().string(), "--seed", "7"};
    all.insert(all.end(), options.begin(), options.end());
    return all;
  }
  /// Neither in what was said nor in any file of the run.
  void expect_no_password(const TroopCommand& troop) {
    EXPECT_THAT(everything(troop), testing::Not(testing::HasSubstr(owner_->password())));
    for (const auto& entry : fs::recursive_directory_iterator{world_.root()}) {
      if (!entry.is_regular_file()) continue;
      EXPECT_THAT(slurp(entry.path()), testing::Not(testing::HasSubstr(owner_->password()))) << entry.path();
    }
  }
  /// While it runs.
  void expect_no_password_in_command_lines() {
    for (const pid_t pid : world_.processes()) {
      const std::string command_line = slurp("/proc/" + std::to_string(pid) + "/cmdline");
      EXPECT_THAT(command_line, testing::Not(testing::HasSubstr(owner_->password())));
    }
  }

  SomebodysBroker* owner_ = nullptr;

 private:
  static constexpr std::string_view attached_begin = R"(
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
[system.broker.attach]
url_from = "env:TROOP_BROKER_URL"
management_from = "env:TROOP_MANAGEMENT_URL"
)";
  static constexpr std::string_view attached_recovery = R"(
[[invariant]]
kind = "recovery"
within = "20s"
)";
};

}  // namespace troop::test
