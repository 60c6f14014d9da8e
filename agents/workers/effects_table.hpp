// What the consumers of a run have done already, kept where all of them see it and none of them can take it along when
// it dies: a bitmap in shared memory, one bit for each message of each queue. It stands for the database that a real
// handler notes its processed ids in.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "common/error.hpp"
#include "common/unique_fd.hpp"

namespace troop::agents {

class EffectsTable {
 public:
  /// Messages beyond this of one producer are not remembered, so their effects may come twice.
  static constexpr std::uint64_t messages_max = std::uint64_t{1} << 28;

  /// Empty, for `queues` queues and producers 1 … `producers`. Takes memory as it is used. Errors: what memfd_create,
  /// ftruncate and mmap say.
  static Result<EffectsTable> create(std::size_t queues, std::size_t producers);
  /// Maps the one that another process made. Errors: usage, where the size is not the one that these numbers give.
  static Result<EffectsTable> map(int fd, std::size_t queues, std::size_t producers);

  EffectsTable() = default;
  EffectsTable(EffectsTable&& other) noexcept;
  EffectsTable& operator=(EffectsTable&& other) noexcept;
  ~EffectsTable();

  /// For the workers; close-on-exec is set.
  [[nodiscard]] int fd() const { return fd_.get(); }

  [[nodiscard]] bool noted(std::size_t queue, std::uint16_t producer, std::uint64_t seq) const;
  /// True for the first that notes it, whoever asks at the same time.
  bool note(std::size_t queue, std::uint16_t producer, std::uint64_t seq);

 private:
  std::atomic<std::uint64_t>* word_of(std::size_t queue, std::uint16_t producer, std::uint64_t seq) const;
  Result<void> attach(int fd);

  UniqueFd fd_;
  void* base_ = nullptr;
  std::size_t queues_ = 0;
  std::size_t producers_ = 0;
};

}  // namespace troop::agents
