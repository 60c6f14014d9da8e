// Text seen once gets a number: comparing and storing numbers is what makes judging millions of events cheap.
#pragma once

#include <boost/unordered/unordered_flat_set.hpp>
#include <cstdint>
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

  Symbol intern(std::string_view text);
  /// The same, trying `last` first and leaving the answer there: the events of a run repeat their names again and
  /// again.
  Symbol intern(std::string_view text, Symbol& last) {
    if (last == no_symbol || texts_[last] != text) last = intern(text);
    return last;
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
  struct Probe {
    std::string_view text;
    std::uint32_t hash;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(const Slot& slot) const { return slot.hash; }
    std::size_t operator()(const Probe& probe) const { return probe.hash; }
  };
  struct Equal {
    using is_transparent = void;
    const Chunked<std::string_view>* texts;
    bool operator()(const Slot& a, const Slot& b) const { return a.symbol == b.symbol; }
    bool operator()(const Slot& a, const Probe& b) const { return a.hash == b.hash && (*texts)[a.symbol] == b.text; }
    bool operator()(const Probe& a, const Slot& b) const { return (*this)(b, a); }
  };

  std::string_view keep(std::string_view text);

  Chunked<std::string_view> texts_;
  boost::unordered_flat_set<Slot, Hash, Equal> slots_;
  std::vector<std::unique_ptr<char[]>> arena_;
  std::size_t arena_left_ = 0;
  char* arena_next_ = nullptr;
};

}  // namespace troop::invariants
