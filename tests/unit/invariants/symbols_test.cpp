#include "reports/invariants/symbols.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

namespace troop::invariants {
namespace {

TEST(Symbols, number_texts_in_the_order_of_their_first_appearance) {
  Symbols symbols;
  EXPECT_EQ(symbols.intern("b"), 0U);
  EXPECT_EQ(symbols.intern(""), 1U);
  EXPECT_EQ(symbols.intern("a"), 2U);
  EXPECT_EQ(symbols.intern(""), 1U);
  EXPECT_EQ(symbols.intern("b"), 0U);
  EXPECT_EQ(symbols.size(), 3U);
  EXPECT_EQ(symbols.text(1), "");
  EXPECT_EQ(symbols.text(2), "a");
  EXPECT_EQ(symbols.text(no_symbol), "");
  EXPECT_EQ(symbols.find("a"), 2U);
  EXPECT_EQ(symbols.find("c"), no_symbol);
}

// Texts that agree where the short cuts look: at both ends, in all but one character, in length.
TEST(Symbols, tell_texts_apart_that_look_alike) {
  Symbols symbols;
  std::map<std::string, Symbol> known;
  std::mt19937_64 random{20261121};
  for (int round = 0; round < 200'000; ++round) {
    std::string text = "abcd" + std::string(random() % 14, 'x') + "wxyz";
    if (text.size() > 8) text[4 + random() % (text.size() - 8)] = static_cast<char>('0' + random() % 64);
    if (random() % 4 == 0) text = "m-" + std::to_string(random() % 50'000);
    if (random() % 8 == 0) text.resize(random() % 4);
    const auto [at, fresh] = known.try_emplace(text, static_cast<Symbol>(known.size()));
    ASSERT_EQ(symbols.intern(text), at->second) << text;
    ASSERT_EQ(symbols.text(at->second), text);
  }
  EXPECT_EQ(symbols.size(), known.size());
  EXPECT_GT(known.size(), 20'000U);
  for (const auto& [text, symbol] : known) ASSERT_EQ(symbols.find(text), symbol);
}

}  // namespace
}  // namespace troop::invariants
