// Copies of packets that have arrived, which arrive once more: through a raw socket and loopback, with the sender's
// address. Each bears a mark, so that nobody copies a copy.
#pragma once

#include <cstdint>
#include <span>

#include "common/error.hpp"
#include "common/unique_fd.hpp"

namespace troop::agents {

class PacketCopier {
 public:
  static constexpr std::uint32_t mark = 0x74726f70;

  /// Of this thread's network. Errors: usage, where this process may not.
  static Result<PacketCopier> open();
  /// A whole packet for this host. False where it could not be sent. Does not block.
  [[nodiscard]] bool send(std::span<const std::uint8_t> packet) const;

 private:
  PacketCopier(UniqueFd v4, UniqueFd v6) : v4_(std::move(v4)), v6_(std::move(v6)) {}

  UniqueFd v4_, v6_;  ///< The latter not where this kernel has no IPv6.
};

}  // namespace troop::agents
