#include "controller/run/run.hpp"

#include <gtest/gtest.h>

#include <csignal>

namespace troop::controller {
namespace {

using invariants::Verdict;

struct Case {
  const char* name;
  bool unrestored;
  int signal_number;
  Verdict verdict;
  int exit_code;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

class ExitCodeTest : public testing::TestWithParam<Case> {};

TEST_P(ExitCodeTest, IsAsDocumented) {
  const Case& c = GetParam();
  EXPECT_EQ(exit_code_for(c.unrestored, c.signal_number, c.verdict), c.exit_code);
}

INSTANTIATE_TEST_SUITE_P(, ExitCodeTest,
                         testing::ValuesIn(std::vector<Case>{
                             {"pass", false, 0, Verdict::pass, 0},
                             {"fail", false, 0, Verdict::fail, 1},
                             {"inconclusive", false, 0, Verdict::inconclusive, 3},
                             {"interrupted", false, SIGINT, Verdict::inconclusive, 130},
                             {"interrupted_after_a_violation", false, SIGINT, Verdict::fail, 130},
                             {"interrupted_when_all_was_well", false, SIGINT, Verdict::pass, 130},
                             {"terminated", false, SIGTERM, Verdict::inconclusive, 143},
                             {"hung_up", false, SIGHUP, Verdict::inconclusive, 129},
                             {"unrestored_wins_over_pass", true, 0, Verdict::pass, 4},
                             {"unrestored_wins_over_fail", true, 0, Verdict::fail, 4},
                             {"unrestored_wins_over_inconclusive", true, 0, Verdict::inconclusive, 4},
                             {"unrestored_wins_over_a_signal", true, SIGINT, Verdict::inconclusive, 4},
                             {"unrestored_wins_over_termination", true, SIGTERM, Verdict::fail, 4},
                         }),
                         [](const auto& each) { return std::string{each.param.name}; });

}  // namespace
}  // namespace troop::controller
