// Text seen once gets a number: comparing and storing numbers is what makes judging millions of events cheap.
#pragma once

#include <boost/unordered/unordered_flat_set.hpp>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include "reports/invariants/chunked.hpp"

namespace troop::invariants {

using Symbol = std::uint32_t;
inline constexpr Symbol no_symbol = UINT32_MAX;

/// Numbers texts from 0 in the order of their first appearance, and keeps each once.
class Symbols {
 public:
  Symbols() : slots_(0, Hash{}, Equal{&texts_}) {}
  Symbols(const Symbols&) = delete;
  Symbols& operator=(const Symbols&) = delete;

  Symbol intern(std::string_view text) {
    const std::uint64_t mixed = mix(text);
    Recent& recent = recent_[mixed >> (64 - recent_bits)];
    const auto tag = static_cast<std::uint32_t>(mixed >> 16);
    if (recent.tag != tag || recent.symbol == no_symbol || !same(texts_[recent.symbol], text)) {
      recent = {look_up(text), tag};
    }
    return recent.symbol;
  }
  /// no_symbol where the text was never interned.
  [[nodiscard]] Symbol find(std::string_view text) const;
  /// Lives as long as this table. Empty for no_symbol.
  [[nodiscard]] std::string_view text(Symbol symbol) const {
    return symbol == no_symbol ? std::string_view{} : texts_[symbol];
  }
  [[nodiscard]] std::size_t size() const { return texts_.size(); }

 private:
  struct Slot {
    Symbol symbol;
    std::uint32_t hash;  ///< Kept, so that a growing table touches no text.
  };
  struct Recent {
    Symbol symbol = no_symbol;
    std::uint32_t tag = 0;  ///< So that a new text is told from the one that stands here without looking at that.
  };
  struct Probe {
    std::string_view text;
    std::uint32_t hash;
  };
  struct Hash {
    using is_transparent = void;
    using is_avalanching = void;  ///< Taken as it is: place from the upper bits, the byte beside it from the lowest.
    std::size_t operator()(const Slot& slot) const { return spread(slot.hash); }
    std::size_t operator()(const Probe& probe) const { return spread(probe.hash); }
    static std::size_t spread(std::uint32_t hash) { return (std::size_t{hash} << 32) | hash; }
  };
  struct Equal {
    using is_transparent = void;
    const Chunked<std::string_view>* texts;
    bool operator()(const Slot& a, const Slot& b) const { return a.symbol == b.symbol; }
    bool operator()(const Slot& a, const Probe& b) const { return a.hash == b.hash && (*texts)[a.symbol] == b.text; }
    bool operator()(const Probe& a, const Slot& b) const { return (*this)(b, a); }
  };

  static constexpr unsigned recent_bits = 10;

  /// Most names have 8 to 16 characters: two words of each, which may overlap.
  static bool same(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    if (a.size() < 8 || a.size() > 16) return a == b;
    std::uint64_t words[4];
    std::memcpy(words, a.data(), 8);
    std::memcpy(words + 1, b.data(), 8);
    std::memcpy(words + 2, a.data() + a.size() - 8, 8);
    std::memcpy(words + 3, b.data() + b.size() - 8, 8);
    return words[0] == words[1] && words[2] == words[3];
  }
  Symbol look_up(std::string_view text);
  std::string_view keep(std::string_view text);
  /// Of its first and last four characters, as that is where names differ.
  static std::uint64_t mix(std::string_view text) {
    std::uint32_t first = 0, last = 0;
    if (text.size() >= sizeof first) {
      std::memcpy(&first, text.data(), sizeof first);
      std::memcpy(&last, text.data() + text.size() - sizeof last, sizeof last);
    } else {
      for (const char c : text) last = (last << 8) | static_cast<unsigned char>(c);
    }
    return (std::uint64_t{first} << 32 | last) * 0x9e3779b97f4a7c15U;
  }

  Chunked<std::string_view> texts_;
  /// The events of a run repeat their names again and again, and name a message several times within a short while.
  std::vector<Recent> recent_ = std::vector<Recent>(std::size_t{1} << recent_bits);
  boost::unordered_flat_set<Slot, Hash, Equal> slots_;
  std::vector<std::unique_ptr<char[]>> arena_;
  std::size_t arena_left_ = 0;
  char* arena_next_ = nullptr;
};

}  // namespace troop::invariants
