// Packets that arrive from chosen peers, held for a while: latency. They keep their order, as on one path.
//
//   arrival at INPUT ── rules of QueueTable ── PacketQueue ── a thread keeps deadlines ── let go
//
// Held where they arrive and not where they leave: what waits at its sender still counts against the sender's buffers,
// and TCP falls to a crawl. The thread ends with the process; then the kernel drops what is held and lets all else
// flow. A process that hangs loses its rules when their elements expire.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>

#include "agents/host/expiry.hpp"
#include "agents/host/packet_queue.hpp"
#include "agents/host/queue_table.hpp"
#include "common/ids.hpp"

namespace troop::agents {

enum class Spread { uniform, normal, pareto };

struct DelayRule {
  Traffic traffic;  ///< Its direction is `in`, whatever it says.
  Duration delay{};
  Duration jitter{};  ///< uniform: at most so far from `delay`; normal, pareto: the standard deviation.
  Spread spread = Spread::uniform;
  std::uint64_t seed = 0;

  /// Packets a second that can be held for that long by a queue of PacketQueue::length_max.
  static constexpr std::int64_t packets_per_second_min = 20'000;
};

/// Errors: usage; a delay that the queue is too short for is refused with the numbers.
Result<void> feasible(const DelayRule& rule);

/// How long the next packet is held: never below 0, nor further than ten jitters beyond `delay`.
Duration next_delay(const DelayRule& rule, Random& random);

struct Held {
  std::uint64_t packets = 0;  ///< Held and let go.
  Duration mean{};            ///< How long, as measured.
  Duration longest{};
  std::uint64_t unheld = 0;  ///< Met the rules and flowed on at once: the queue was full.
};

class PacketDelay {
 public:
  /// In force when it returns; packets are no longer held after `timeout` without renew(). Errors: usage.
  static Result<PacketDelay> start(DelayRule rule, Duration timeout);
  PacketDelay(PacketDelay&& other) noexcept;
  PacketDelay& operator=(PacketDelay&&) = delete;
  ~PacketDelay();

  /// Another `timeout` from now. Errors: lost, where it has ended by itself already: that is for ever.
  Result<void> renew();
  /// So far. Errors: usage.
  [[nodiscard]] Result<Held> measured() const;
  /// Packets let go so far; does not ask the kernel.
  [[nodiscard]] std::uint64_t released() const;
  /// No packet is held from now on, those that were go at once; proves that the rules are gone. Idempotent. Errors:
  /// unrestored.
  Result<void> stop();

 private:
  struct Holder;
  PacketDelay(std::unique_ptr<Holder> holder, QueueTable table, Expiry expiry);

  std::unique_ptr<Holder> holder_;
  QueueTable table_;
  Expiry expiry_;
};

}  // namespace troop::agents
