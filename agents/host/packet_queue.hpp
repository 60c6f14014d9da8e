// A queue of the kernel's (NFQUEUE) that packets wait in until they are let go. Whoever wants to know no more than that
// they came, is told their numbers, and a packet of 64 KB is as cheap as a small one. Whoever wants their content, gets
// each packet as it was on the wire: of its size there, with its checksum.
//
// Where nobody reads it any more, the kernel drops what is held and lets everything else flow.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "common/error.hpp"
#include "common/unique_fd.hpp"

namespace troop::agents {

/// One that waits. `content` starts with the IP header; empty where it was not asked for; valid until the next
/// receive().
struct QueuedPacket {
  std::uint32_t number = 0;
  std::uint32_t mark = 0;  ///< What a socket or a rule has marked it with.
  std::span<const std::uint8_t> content = {};
};

class PacketQueue {
 public:
  enum class Tell { numbers, content };

  /// Packets that wait at once on every kernel; what is beyond flows on, unheld. Linux 6.18 lets no more in, whatever
  /// it is asked for.
  static constexpr std::uint32_t length_max = 65'536;

  /// The first number that nobody uses in this thread's network namespace. Errors: usage.
  static Result<PacketQueue> open(Tell tell = Tell::numbers);
  [[nodiscard]] std::uint16_t number() const { return number_; }
  /// Readable when packets have come.
  [[nodiscard]] int fd() const { return fd_.get(); }
  /// Appends packets that have come, oldest first; at most some hundred at once. Does not block. Errors: lost.
  Result<void> receive(std::vector<QueuedPacket>& packets);
  /// Lets go this packet and all older ones. Errors: lost.
  Result<void> release_until(std::uint32_t packet);
  /// Lets go this packet alone, with another content unless that is empty: at the latest with the next flush(). Errors:
  /// lost.
  Result<void> release(std::uint32_t packet, std::span<const std::uint8_t> content = {});
  /// It does not arrive: at the latest with the next flush(). Errors: lost.
  Result<void> drop(std::uint32_t packet);
  /// Errors: lost.
  Result<void> flush();
  /// What is still held is dropped.
  void close() { fd_.reset(); }

 private:
  PacketQueue(UniqueFd fd, std::uint16_t number, std::size_t message_max);
  Result<void> decide(std::uint32_t packet, std::uint32_t verdict, std::span<const std::uint8_t> content);

  UniqueFd fd_;
  std::uint16_t number_;
  std::size_t message_max_;
  std::vector<char> buffer_;    ///< What was received.
  std::vector<char> verdicts_;  ///< What is to be sent.
};

}  // namespace troop::agents
