// Agents, guardians, and both at once are killed or hung at any moment of a fault's life; the host is as before. A
// short form of what ./dev bench storm does a thousand times.
#include "tests/support/storm.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agents/protocol/messages.hpp"
#include "scenarios/model/faults/catalogue.hpp"
#include "tests/support/control_groups.hpp"

namespace troop::test {
namespace {

using Streams = std::vector<std::vector<Storm>>;

/// Returns the sum.
Aftermath expect_nothing_left(Streams streams) {
  // How fast it is, the bench says; here other tests use the machine too. What the kernel ends by itself it ends later.
  constexpr Duration put_back_max = std::chrono::seconds{8};
  static_assert(put_back_max < protocol::lease);
  constexpr Duration on_somebodys_broker_max = std::chrono::seconds{60};  // as its faults declare
  std::vector<Storm> storms;
  for (auto& stream : streams) {
    for (auto& storm : stream) {
      storm.put_back_max = storm.ground == Ground::attached_broker ? on_somebodys_broker_max : put_back_max;
      storms.push_back(storm);
    }
  }
  const auto found = weather_all(streams);
  Aftermath sum;
  EXPECT_EQ(found.size(), storms.size());
  for (std::size_t i = 0; i < std::min(found.size(), storms.size()); ++i) {
    SCOPED_TRACE(to_text(storms[i].blow));
    EXPECT_EQ(found[i].rounds, storms[i].rounds);
    EXPECT_EQ(found[i].left_behind, 0);
    EXPECT_THAT(found[i].problems, testing::IsEmpty());
    sum.in_force += found[i].in_force;
    sum.in_group += found[i].in_group;
  }
  EXPECT_GT(sum.in_force, 0) << "every blow fell before a fault took effect";
  return sum;
}

TEST(KillStorm, LeavesNothingBehind) {
  const auto sum = expect_nothing_left({{{Blow::kill_agent, 10, 1}},
                                        {{Blow::kill_both, 5, 2}, {Blow::kill_guardian, 4, 3}},
                                        {{Blow::stop_agent, 2, 4}}});
  EXPECT_TRUE(sum.in_group > 0 || unified_hierarchy().empty()) << "no blow met a fault on a control group";
}

TEST(KillStorm, LeavesAnAttachedBrokerAsItWas) {
  constexpr auto ground = Ground::attached_broker;
  expect_nothing_left({{{.blow = Blow::kill_agent, .rounds = 5, .ground = ground},
                        {.blow = Blow::kill_both, .rounds = 2, .ground = ground},
                        {.blow = Blow::kill_guardian, .rounds = 1, .ground = ground},
                        {.blow = Blow::stop_agent, .rounds = 1, .ground = ground}}});
}

TEST(KillStorm, LeavesNothingOfAManagedBroker) {
  constexpr auto ground = Ground::managed_broker;
  expect_nothing_left({{{.blow = Blow::kill_agent, .rounds = 1, .ground = ground},
                        {.blow = Blow::kill_both, .rounds = 1, .ground = ground}},
                       {{.blow = Blow::kill_guardian, .rounds = 1, .ground = ground},
                        {.blow = Blow::stop_agent, .rounds = 1, .ground = ground}}});
}

TEST(KillStorm, HasEveryFaultOrSaysWhyNot) {
  ASSERT_FALSE(model::faults().empty());
  const auto stormy = stormy_faults();
  for (const auto& fault : model::faults()) {
    EXPECT_NE(stormy.contains(fault.name), calm_faults().contains(fault.name)) << fault.name;
  }
  for (const auto& [name, reason] : calm_faults()) {
    EXPECT_NE(model::find_fault(model::faults(), name), nullptr) << name;
    EXPECT_FALSE(reason.empty()) << name;
  }
}

}  // namespace
}  // namespace troop::test
