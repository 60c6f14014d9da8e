// Agents with netem in force, among all other faults that need no broker, are killed at any moment; the host is as
// before. A short form of what tests/integration has for kernels without.
#include "tests/support/storm.hpp"

#include <gmock/gmock.h>

namespace troop::test {
namespace {

TEST(NetemStorm, LeavesNothingBehind) {
  constexpr auto put_back_max = std::chrono::seconds{8};
  const auto storm = [&](Blow blow, int rounds, std::uint64_t seed) {
    return std::vector<Storm>{{blow, rounds, seed, put_back_max, Ground::bare_host, "network.latency"}};
  };
  const std::vector streams{storm(Blow::kill_agent, 3, 1), storm(Blow::kill_both, 2, 2)};
  const auto found = weather_all(streams);
  ASSERT_EQ(found.size(), streams.size());
  int rounds = 0, in_force = 0, with_netem = 0;
  for (std::size_t i = 0; i < streams.size(); ++i) {
    const Storm& wanted = streams[i].front();
    SCOPED_TRACE(to_text(wanted.blow));
    EXPECT_EQ(found[i].rounds, wanted.rounds);
    EXPECT_EQ(found[i].left_behind, 0);
    EXPECT_THAT(found[i].problems, testing::IsEmpty());
    rounds += found[i].rounds;
    in_force += found[i].in_force;
    with_netem += found[i].with_netem;
  }
  EXPECT_GT(in_force, 0) << "every blow fell before a fault took effect";
  EXPECT_GT(2 * with_netem, rounds) << "most blows met no netem";
}

}  // namespace
}  // namespace troop::test
