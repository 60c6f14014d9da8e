#include "scenarios/model/value.hpp"

#include <gtest/gtest.h>

#include "scenarios/model/scenario.hpp"

namespace troop::model {
namespace {

using namespace std::chrono_literals;

TEST(Value, durations_print_in_the_largest_unit_that_is_exact) {
  EXPECT_EQ(to_text(Duration{5s}), "5s");
  EXPECT_EQ(to_text(Duration{1500ms}), "1500ms");
  EXPECT_EQ(to_text(Duration{0}), "0s");
  EXPECT_EQ(to_text(Duration{90min}), "5400s");
  EXPECT_EQ(to_text(Duration{7us}), "7us");
  EXPECT_EQ(to_text(Duration{1'000'001}), "1000001ns");
}

TEST(Value, prints_as_a_person_would_write_it) {
  EXPECT_EQ(to_text(Value{true}), "true");
  EXPECT_EQ(to_text(Value{std::int64_t{7}}), "7");
  EXPECT_EQ(to_text(Value{0.25}), "0.25");
  EXPECT_EQ(to_text(Value{std::string{"SIGKILL"}}), "SIGKILL");
  EXPECT_EQ(to_text(Value{std::vector<std::string>{"a", "b"}}), "[a, b]");
}

TEST(Bound, admits_what_its_operator_says) {
  const auto admits = [](Bound::Op op, double measured) { return Bound{op, 1.0}.admits(measured); };
  EXPECT_TRUE(admits(Bound::Op::less, 0.9));
  EXPECT_FALSE(admits(Bound::Op::less, 1.0));
  EXPECT_TRUE(admits(Bound::Op::less_equal, 1.0));
  EXPECT_FALSE(admits(Bound::Op::greater, 1.0));
  EXPECT_TRUE(admits(Bound::Op::greater_equal, 1.0));
  EXPECT_FALSE(admits(Bound::Op::greater_equal, 0.9));
}

}  // namespace
}  // namespace troop::model
