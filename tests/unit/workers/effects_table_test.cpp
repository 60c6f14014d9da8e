#include "agents/workers/effects_table.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace troop::agents {
namespace {

TEST(EffectsTableTest, RemembersEachMessageOfEachQueueAndProducerAlone) {
  auto table = EffectsTable::create(2, 3);
  ASSERT_TRUE(table) << table.error().context;
  EXPECT_FALSE(table.value().noted(1, 3, 77));
  EXPECT_TRUE(table.value().note(1, 3, 77));
  EXPECT_TRUE(table.value().noted(1, 3, 77));
  EXPECT_FALSE(table.value().note(1, 3, 77)) << "somebody was first";
  EXPECT_FALSE(table.value().noted(0, 3, 77));
  EXPECT_FALSE(table.value().noted(1, 2, 77));
  EXPECT_FALSE(table.value().noted(1, 3, 78));
  EXPECT_TRUE(table.value().note(1, 3, EffectsTable::messages_max - 1));
}

TEST(EffectsTableTest, IsTheSameForEveryProcessThatMapsIt) {
  auto made = EffectsTable::create(1, 1);
  ASSERT_TRUE(made);
  auto mapped = EffectsTable::map(made.value().fd(), 1, 1);
  ASSERT_TRUE(mapped) << mapped.error().context;
  EXPECT_TRUE(mapped.value().note(0, 1, 5));
  EXPECT_TRUE(made.value().noted(0, 1, 5));
  EXPECT_FALSE(EffectsTable::map(made.value().fd(), 2, 1)) << "another workload's";
}

TEST(EffectsTableTest, LetsOneOfManyBeTheFirst) {
  auto table = EffectsTable::create(1, 1);
  ASSERT_TRUE(table);
  std::atomic<int> firsts{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (std::uint64_t seq = 0; seq < 10'000; ++seq) firsts += table.value().note(0, 1, seq) ? 1 : 0;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(firsts, 10'000);
}

TEST(EffectsTableTest, ForgetsWhatItHasNoPlaceFor) {
  auto table = EffectsTable::create(1, 1);
  ASSERT_TRUE(table);
  EXPECT_TRUE(table.value().note(0, 1, EffectsTable::messages_max));
  EXPECT_TRUE(table.value().note(0, 1, EffectsTable::messages_max)) << "rather twice than never";
  EXPECT_TRUE(table.value().note(0, 2, 1));
  EXPECT_FALSE(table.value().noted(7, 1, 1));
}

}  // namespace
}  // namespace troop::agents
