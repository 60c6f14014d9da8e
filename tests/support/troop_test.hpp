// What tests that run the real `troop` have in common.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/support/troop_run.hpp"

namespace troop::test {

/// `Base`: testing::Test, or one with parameters.
template <class Base>
class TroopTest : public Base {
 protected:
  /// Arguments of a run with seed 7 into the world's run directory; `sets` as --set takes them.
  [[nodiscard]] std::vector<std::string> run_arguments(const std::string& scenario,
                                                       const std::vector<std::string>& sets = {}) const {
    std::vector<std::string> out{"run", scenario, "--out", world_.run_directory().string(), "--seed", "7"};
    for (const auto& set : sets) out.insert(out.end(), {"--set", set});
    return out;
  }
  static std::string everything(const TroopCommand& troop) { return troop.output() + troop.errors(); }
  /// A fault of the run is proven, and not only begun: whoever meddles before meets something else. False: the run
  /// ended before, or it takes too long.
  [[nodiscard]] bool becomes_proven(TroopCommand& troop) const {
    const auto is_proven = [&] {
      return slurp(world_.run_directory() / "history.ndjson").find(R"("type":"ok","f":"fault")") != std::string::npos;
    };
    return eventually([&] { return is_proven() || troop.exit_code(0s) >= 0; }, 90s) && is_proven();
  }
  void expect_nothing_left(Duration within = 5s) {
    EXPECT_TRUE(eventually([&] { return world_.processes().empty(); }, within)) << "processes are left";
    EXPECT_THAT(world_.leftovers(), testing::IsEmpty());
    EXPECT_EQ(shared_memory(), shared_before_);
  }

  /// Of libfaketime, which keeps it beyond the end of what is killed.
  static std::set<std::string> shared_memory() {
    std::set<std::string> found;
    std::error_code gone;
    for (const auto& entry : std::filesystem::directory_iterator{"/dev/shm", gone}) {
      if (entry.path().string().find("faketime") != std::string::npos) found.insert(entry.path());
    }
    return found;
  }

  World world_;
  const std::set<std::string> shared_before_ = shared_memory();
};

}  // namespace troop::test
