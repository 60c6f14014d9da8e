// A queue of the kernel's (NFQUEUE) that packets wait in until they are let go. Only their numbers are told, not their
// content, so that a packet of 64 KB is as cheap as a small one.
//
// Where nobody reads it any more, the kernel drops what is held and lets everything else flow.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "common/error.hpp"
#include "common/unique_fd.hpp"

namespace troop::agents {

class PacketQueue {
 public:
  /// Packets that wait at once; what is beyond flows on, unheld.
  static constexpr std::uint32_t length_max = 200'000;

  /// The first number that nobody uses in this thread's network namespace. Errors: usage.
  static Result<PacketQueue> open();
  [[nodiscard]] std::uint16_t number() const { return number_; }
  /// Readable when packets have come.
  [[nodiscard]] int fd() const { return fd_.get(); }
  /// Appends the numbers of packets that have come, oldest first; at most some hundred at once. Does not block.
  /// Errors: lost.
  Result<void> receive(std::vector<std::uint32_t>& packets);
  /// Lets go this packet and all older ones. Errors: lost.
  Result<void> release_until(std::uint32_t packet);
  /// What is still held is dropped.
  void close() { fd_.reset(); }

 private:
  PacketQueue(UniqueFd fd, std::uint16_t number);

  UniqueFd fd_;
  std::uint16_t number_;
  std::vector<char> buffer_;
};

}  // namespace troop::agents
