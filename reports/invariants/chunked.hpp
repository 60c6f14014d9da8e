// A growing array that never moves its elements: a history of a million messages must not pay for reallocation with a
// second copy of itself.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace troop::invariants {

template <class T>
class Chunked {
 public:
  static constexpr std::size_t chunk = 512;

  T& operator[](std::size_t i) { return chunks_[i / chunk][i % chunk]; }
  const T& operator[](std::size_t i) const { return chunks_[i / chunk][i % chunk]; }
  [[nodiscard]] std::size_t size() const { return size_; }

  T& push_back(T value) {
    if (size_ == chunks_.size() * chunk) chunks_.push_back(std::make_unique<T[]>(chunk));
    T& slot = (*this)[size_++];
    slot = std::move(value);
    return slot;
  }

 private:
  std::vector<std::unique_ptr<T[]>> chunks_;
  std::size_t size_ = 0;
};

}  // namespace troop::invariants
