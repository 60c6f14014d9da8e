#include "scenarios/model/groups.hpp"

#include <gmock/gmock.h>

#include <map>
#include <set>

namespace troop::model {
namespace {

using testing::ElementsAre;

std::vector<Host> hosts(std::size_t count) {
  std::vector<Host> made;
  for (std::size_t i = 0; i < count; ++i) made.push_back({.name = "h" + std::to_string(i)});
  return made;
}

/// Whom each host still sees, itself included.
std::map<std::string, std::set<std::string>> seen(const std::vector<Host>& all, const std::vector<Cut>& made) {
  std::map<std::string, std::set<std::string>> out;
  for (const auto& one : all) {
    for (const auto& other : all) out[one.name].insert(other.name);
  }
  std::set<std::pair<std::string, std::string>> pairs;
  for (const auto& cut : made) {
    for (const auto& peer : cut.peers) {
      EXPECT_TRUE(pairs.insert(std::minmax(cut.host, peer)).second) << cut.host << " " << peer << " are cut twice";
      out[cut.host].erase(peer);
      out[peer].erase(cut.host);
    }
  }
  return out;
}

/// How many hosts see how many.
std::multiset<std::size_t> sizes(const std::map<std::string, std::set<std::string>>& all) {
  std::multiset<std::size_t> out;
  for (const auto& [name, sees] : all) out.insert(sees.size());
  return out;
}

std::map<std::string, std::set<std::string>> apart(std::size_t count, std::string_view groups, std::uint64_t seed = 1) {
  const auto all = hosts(count);
  const auto made = cuts(all, groups, {}, Random{seed});
  EXPECT_TRUE(made.has_value()) << count << " " << groups;
  return made ? seen(all, made.value()) : std::map<std::string, std::set<std::string>>{};
}

TEST(Groups, halves_see_nobody_of_the_other_half) {
  EXPECT_THAT(sizes(apart(2, halves)), ElementsAre(1, 1));
  EXPECT_THAT(sizes(apart(5, halves)), ElementsAre(2, 2, 3, 3, 3));
}

TEST(Groups, one_loses_all_others_and_the_seed_says_which) {
  std::set<std::string> alone;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const auto all = apart(4, one_against_rest, seed);
    EXPECT_THAT(sizes(all), ElementsAre(1, 3, 3, 3));
    EXPECT_EQ(all, apart(4, one_against_rest, seed));
    for (const auto& [name, sees] : all) {
      if (sees.size() == 1) alone.insert(name);
    }
  }
  EXPECT_EQ(alone.size(), 4U);
}

TEST(Groups, in_a_ring_each_sees_a_majority_and_no_two_see_the_same) {
  for (const std::size_t count : {4U, 5U, 6U, 7U, 8U, 9U, 16U, 31U}) {
    std::set<std::set<std::string>> majorities;
    for (const auto& [name, sees] : apart(count, majorities_ring)) {
      EXPECT_GT(sees.size() * 2, count);
      EXPECT_LT(sees.size(), count);
      majorities.insert(sees);
    }
    EXPECT_EQ(majorities.size(), count);
  }
}

TEST(Groups, a_bridge_sees_both_sides_which_do_not_see_each_other) {
  EXPECT_THAT(sizes(apart(3, bridge)), ElementsAre(2, 2, 3));
  EXPECT_THAT(sizes(apart(5, bridge)), ElementsAre(3, 3, 3, 3, 5));
  EXPECT_THAT(sizes(apart(6, bridge)), ElementsAre(3, 3, 4, 4, 4, 6));
}

TEST(Groups, hosts_without_a_zone_see_all) {
  auto all = hosts(4);
  all[0].zone = "a";
  all[1].zone = "b";
  all[2].zone = "b";
  const auto made = cuts(all, zone_against_zone, {}, Random{1});
  ASSERT_TRUE(made.has_value());
  EXPECT_THAT(made.value(), ElementsAre(Cut{"h0", {"h1", "h2"}}));
}

TEST(Groups, pairs_are_cut_once_however_often_they_are_listed) {
  const auto made = cuts(hosts(4), explicit_pairs, {"h0 h1", "h1 h0", "h3 h1"}, Random{1});
  ASSERT_TRUE(made.has_value());
  EXPECT_THAT(made.value(), ElementsAre(Cut{"h1", {"h0", "h3"}}));
}

TEST(Groups, what_cannot_fall_apart_is_refused) {
  EXPECT_TRUE(cuts(hosts(1), halves, {}, Random{1}).has_error());
  EXPECT_TRUE(cuts({}, one_against_rest, {}, Random{1}).has_error());
  EXPECT_TRUE(cuts({}, bridge, {}, Random{1}).has_error());
  EXPECT_TRUE(cuts(hosts(2), bridge, {}, Random{1}).has_error());
  EXPECT_TRUE(cuts(hosts(3), majorities_ring, {}, Random{1}).has_error());
  EXPECT_TRUE(cuts(hosts(3), "thirds", {}, Random{1}).has_error());
  EXPECT_TRUE(cuts(hosts(3), explicit_pairs, {"h0"}, Random{1}).has_error());
}

}  // namespace
}  // namespace troop::model
