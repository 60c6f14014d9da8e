// Packets that arrive from chosen peers, held for a while: latency. They keep their order, as on one path.
#pragma once

#include <cstdint>
#include <memory>

#include "agents/host/jitter.hpp"
#include "agents/host/packet_diversion.hpp"

namespace troop::agents {

struct DelayRule {
  Traffic traffic;  ///< Its direction is `in`, whatever it says.
  Duration delay{};
  Jitter jitter = {};
  std::uint64_t seed = 0;

  /// Packets a second that can be held for that long by a queue of PacketQueue::length_max.
  static constexpr std::int64_t packets_per_second_min = 6'500;
};

/// Errors: usage; a delay that the queue is too short for is refused with the numbers.
Result<void> feasible(const DelayRule& rule);

struct Delayed {
  std::uint64_t packets = 0;  ///< Held and let go.
  Duration mean{};            ///< How long, as measured.
  Duration longest{};
  std::uint64_t unheld = 0;  ///< Met the rules and flowed on at once: the queue was full.
};

class PacketDelay {
 public:
  /// In force when it returns; packets are no longer held after `timeout` without renew(). Errors: usage.
  static Result<PacketDelay> start(DelayRule rule, Duration timeout);
  /// As PacketDiversion's.
  Result<void> renew() { return diversion_.renew(); }
  void add_peers(const std::vector<boost::asio::ip::address>& peers) { diversion_.add_peers(peers); }
  /// So far. Errors: usage.
  [[nodiscard]] Result<Delayed> measured() const;
  /// Packets let go so far; does not ask the kernel.
  [[nodiscard]] std::uint64_t released() const;
  /// As PacketDiversion's.
  Result<void> stop() { return diversion_.stop(); }

 private:
  struct Holder;
  PacketDelay(std::shared_ptr<const Holder> holder, PacketDiversion diversion)
      : holder_(std::move(holder)), diversion_(std::move(diversion)) {}

  std::shared_ptr<const Holder> holder_;
  PacketDiversion diversion_;
};

}  // namespace troop::agents
