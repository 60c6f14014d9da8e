#include "reports/invariants/symbols.hpp"

#include <algorithm>
#include <cstring>
#include <functional>

namespace troop::invariants {
namespace {

constexpr std::size_t arena_bytes = std::size_t{64} << 10;

/// Texts that differ in their last character only share the upper 24 bits, and so one place in the table: ids count up
/// ("m-17", "m-18"), and the next one is then where the processor's cache has just been.
std::uint32_t hash_of(std::string_view text) {
  if (text.empty()) return 0;
  const std::size_t family = std::hash<std::string_view>{}(text.substr(0, text.size() - 1));
  const auto last = static_cast<std::uint32_t>(static_cast<unsigned char>(text.back()));
  const auto mixed = static_cast<std::uint32_t>(family ^ (family >> 32));
  return (mixed & 0xffffff00U) | ((mixed ^ (last * 37U)) & 0xffU);
}

}  // namespace

Symbol Symbols::look_up(std::string_view text) {
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
