// Where the texts of a line begin and end, if nothing in them needs a closer look. Internal to this room.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace troop::history {

/// Walks over the bytes that end plain text: quotes, backslashes, control characters and bytes beyond ASCII. They are
/// found for 64 bytes at once, so that finding one need not wait for the one before.
class Specials {
 public:
  static constexpr std::size_t block_bytes = 64;

  /// Reads up to 63 bytes behind the last special that is asked for.
  explicit Specials(const char* begin) : block_(begin), found_(find(begin)) {}

  const char* next() {
    while (found_ == 0) found_ = find(block_ += block_bytes);
    const char* const at = block_ + std::countr_zero(found_);
    found_ &= found_ - 1;
    return at;
  }

 private:
  /// Bit n: the byte at `block + n` is one. Bytes are signed here, so those beyond ASCII are negative.
  static std::uint64_t find(const char* block) {
    std::uint64_t found = 0;
#ifdef __SSE2__
    for (int i = 0; i < 4; ++i) {
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(block) + i);
      const __m128i quotes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
      const __m128i backslashes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
      const __m128i others = _mm_cmplt_epi8(bytes, _mm_set1_epi8(' '));
      const int bits = _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quotes, backslashes), others));
      found |= std::uint64_t{static_cast<unsigned>(bits)} << (16 * i);
    }
#else
    for (std::size_t i = 0; i < block_bytes; ++i) {
      const auto byte = static_cast<signed char>(block[i]);
      found |= std::uint64_t{byte == '"' || byte == '\\' || byte < ' '} << i;
    }
#endif
    return found;
  }

  const char* block_;
  std::uint64_t found_;
};

}  // namespace troop::history
