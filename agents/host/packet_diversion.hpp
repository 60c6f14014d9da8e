// Packets that arrive from chosen peers, led through this process: what all faults have in common that hold or change
// packets.
//
//   arrival at INPUT ── rules of QueueTable ── PacketQueue ── a thread asks a PacketHandler ── let go
//
// Diverted where they arrive and not where they leave: what waits at its sender still counts against the sender's
// buffers, and TCP falls to a crawl. The thread ends with the process; then the kernel drops what is held and lets all
// else flow. A process that hangs loses its rules when their elements expire.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "agents/host/expiry.hpp"
#include "agents/host/packet_queue.hpp"
#include "agents/host/queue_table.hpp"

namespace troop::agents {

/// What becomes of the packets. Called by the diversion's thread alone.
class PacketHandler {
 public:
  virtual ~PacketHandler() = default;
  /// `packets` have come, by `now` (CLOCK_MONOTONIC, ns). Errors: lost.
  virtual Result<void> take_in(PacketQueue& queue, std::span<const QueuedPacket> packets, std::int64_t now) = 0;
  /// Lets go what is due by `until`. Errors: lost.
  virtual Result<void> let_go(PacketQueue& queue, std::int64_t until) = 0;
  /// When the next packet is due; INT64_MAX where none waits.
  [[nodiscard]] virtual std::int64_t next_due() const = 0;
};

class PacketDiversion {
 public:
  /// In force when it returns; packets are no longer diverted after `timeout` without renew(). Whoever keeps the
  /// handler too may read of it what is atomic. Errors: usage.
  static Result<PacketDiversion> start(Traffic traffic, PacketQueue::Tell tell, std::shared_ptr<PacketHandler> handler,
                                       Duration timeout);
  PacketDiversion(PacketDiversion&& other) noexcept;
  PacketDiversion& operator=(PacketDiversion&&) = delete;
  ~PacketDiversion();

  /// Another `timeout` from now. Errors: lost, where it has ended by itself already: that is for ever.
  Result<void> renew();
  /// Means these peers too, from the next renew() on.
  void add_peers(const std::vector<boost::asio::ip::address>& peers) { table_.add_peers(peers); }
  /// Packets that met the rules and flowed on at once, since the queue was full. Errors: usage.
  [[nodiscard]] Result<std::uint64_t> unheld() const;
  /// No packet is diverted from now on, those that wait go at once; proves that the rules are gone. Idempotent. Errors:
  /// unrestored.
  Result<void> stop();

 private:
  struct Reader;
  PacketDiversion(std::unique_ptr<Reader> reader, QueueTable table, Expiry expiry);

  std::unique_ptr<Reader> reader_;
  QueueTable table_;
  Expiry expiry_;
};

}  // namespace troop::agents
