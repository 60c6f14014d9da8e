// Agents, guardians, and both at once are killed or hung at any moment of a fault's life; the host is as before. A
// short form of what ./dev bench storm does a thousand times.
#include "tests/support/storm.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agents/protocol/messages.hpp"

namespace troop::test {
namespace {

TEST(KillStorm, LeavesNothingBehind) {
  std::vector<Storm> storms{{Blow::kill_agent, 10, 1},
                            {Blow::kill_both, 5, 2},
                            {Blow::kill_guardian, 4, 3},
                            {Blow::stop_agent, 1, 4},
                            {Blow::stop_agent, 1, 5}};
  // How fast it is, the bench says; here other tests use the machine too. What the kernel ends by itself it ends later.
  constexpr Duration put_back_max = std::chrono::seconds{8};
  static_assert(put_back_max < protocol::lease);
  for (auto& storm : storms) storm.put_back_max = put_back_max;
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
