// Agents with netem in force, among all other faults that need no broker, are killed at any moment; the host is as
// before. A short form of what tests/integration has for kernels without.
#include "tests/support/storm.hpp"

#include <gmock/gmock.h>

namespace troop::test {
namespace {

TEST(NetemStorm, LeavesNothingBehind) {
  constexpr auto put_back_max = std::chrono::seconds{8};
  const std::vector<Storm> storms{{Blow::kill_agent, 2, 1, put_back_max}, {Blow::kill_both, 1, 2, put_back_max}};
  const auto found = weather_all(storms);
  ASSERT_EQ(found.size(), storms.size());
  int in_force = 0;
  for (std::size_t i = 0; i < storms.size(); ++i) {
    SCOPED_TRACE(to_text(storms[i].blow));
    EXPECT_EQ(found[i].rounds, storms[i].rounds);
    EXPECT_EQ(found[i].left_behind, 0);
    EXPECT_THAT(found[i].problems, testing::IsEmpty());
    in_force += found[i].in_force;
  }
  EXPECT_GT(in_force, 0) << "every blow fell before a fault took effect";
}

}  // namespace
}  // namespace troop::test
