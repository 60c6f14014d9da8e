#include "reports/invariants/symbols.hpp"

#include <algorithm>
#include <cstring>
#include <functional>

namespace troop::invariants {
namespace {

constexpr std::size_t arena_bytes = std::size_t{64} << 10;

std::uint32_t hash_of(std::string_view text) {
  const std::size_t hash = std::hash<std::string_view>{}(text);
  return static_cast<std::uint32_t>(hash ^ (hash >> 32));
}

}  // namespace

Symbol Symbols::intern(std::string_view text) {
  const Probe probe{text, hash_of(text)};
  if (const auto found = slots_.find(probe); found != slots_.end()) return found->symbol;
  const auto symbol = static_cast<Symbol>(texts_.size());
  texts_.push_back(keep(text));
  slots_.insert(Slot{symbol, probe.hash});
  return symbol;
}

Symbol Symbols::find(std::string_view text) const {
  const auto found = slots_.find(Probe{text, hash_of(text)});
  return found == slots_.end() ? no_symbol : found->symbol;
}

std::string_view Symbols::keep(std::string_view text) {
  if (text.size() > arena_left_) {
    arena_left_ = std::max(arena_bytes, text.size());
    arena_.push_back(std::make_unique_for_overwrite<char[]>(arena_left_));
    arena_next_ = arena_.back().get();
  }
  if (!text.empty()) std::memcpy(arena_next_, text.data(), text.size());
  const std::string_view kept{arena_next_, text.size()};
  arena_next_ += text.size();
  arena_left_ -= text.size();
  return kept;
}

}  // namespace troop::invariants
