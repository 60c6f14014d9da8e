#include "common/ids.hpp"

#include <fmt/format.h>
#include <sys/random.h>

#include <cstdlib>
#include <vector>

namespace troop {
namespace {

void fill(void* data, std::size_t size) {
  // Up to 256 bytes getrandom() neither blocks after boot nor returns short.
  if (getrandom(data, size, 0) != static_cast<ssize_t>(size)) std::abort();
}

}  // namespace

Random::Random(std::uint64_t seed, std::string_view purpose) : state_(seed) {
  std::uint64_t hash = 14695981039346656037U;  // FNV-1a, 64 bit
  for (const char c : purpose) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  state_ ^= hash;
  next();
}

std::uint64_t Random::next() {
  std::uint64_t z = (state_ += 0x9e3779b97f4a7c15U);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31);
}

std::uint64_t Random::below(std::uint64_t bound) {
  const std::uint64_t limit = UINT64_MAX - UINT64_MAX % bound;  // reject the tail: no modulo bias
  std::uint64_t value = next();
  while (value >= limit) value = next();
  return value % bound;
}

double Random::unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

std::uint64_t fresh_seed() {
  std::uint64_t seed = 0;
  fill(&seed, sizeof seed);
  return seed >> 11;  // 53 bits: survives every JSON reader
}

std::string random_hex(std::size_t bytes) {
  std::vector<unsigned char> raw(bytes);
  fill(raw.data(), raw.size());
  std::string text;
  for (const unsigned char byte : raw) text += fmt::format("{:02x}", byte);
  return text;
}

}  // namespace troop
