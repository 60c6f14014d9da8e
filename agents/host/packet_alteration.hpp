// A share of the packets that arrive from chosen peers comes twice, spoiled, too late, or not at all: packet by packet,
// as they were on the wire.
#pragma once

#include <cstdint>
#include <memory>

#include "agents/host/packet_bytes.hpp"
#include "agents/host/packet_diversion.hpp"

namespace troop::agents {

/// reorder: the share is held for `delay`, and what comes meanwhile overtakes it. lose: it is dropped, in bursts.
enum class Alteration { duplicate, corrupt, reorder, lose };

struct AlterationRule {
  Traffic traffic;  ///< Its direction is `in`, whatever it says.
  Alteration what = Alteration::duplicate;
  double percent = 100;                 ///< Of the packets, each by chance; for lose see LossChain.
  Duration delay{};                     ///< For reorder.
  Checksum checksum = Checksum::wrong;  ///< For corrupt.
  double burst = 1;                     ///< For lose: so many in a row, on average.
  std::uint64_t seed = 0;

  static constexpr double percent_min = 0.0001;
};
/// Errors: usage.
Result<void> feasible(const AlterationRule& rule);

struct Altered {
  std::uint64_t packets = 0;  ///< That came, and were not copies made here.
  std::uint64_t altered = 0;  ///< Of them: copied, spoiled, overtaken by a later one, or lost.
  std::uint64_t bursts = 0;   ///< In which they were lost.
  std::uint64_t spared = 0;   ///< Of them: chosen, and not to be altered: nothing in them, or nobody overtook them.
};

struct AlterationHandler;

class PacketAlteration {
 public:
  /// In force when it returns; packets are no longer altered after `timeout` without renew(). Errors: usage.
  static Result<PacketAlteration> start(AlterationRule rule, Duration timeout);
  /// As PacketDiversion's.
  Result<void> renew() { return diversion_.renew(); }
  void add_peers(const std::vector<boost::asio::ip::address>& peers) { diversion_.add_peers(peers); }
  [[nodiscard]] Alteration what() const { return what_; }
  /// So far; does not ask the kernel.
  [[nodiscard]] Altered counts() const;
  /// As PacketDiversion's.
  Result<void> stop() { return diversion_.stop(); }

 private:
  PacketAlteration(Alteration what, std::shared_ptr<const AlterationHandler> handler, PacketDiversion diversion)
      : what_(what), handler_(std::move(handler)), diversion_(std::move(diversion)) {}

  Alteration what_;
  std::shared_ptr<const AlterationHandler> handler_;
  PacketDiversion diversion_;
};

}  // namespace troop::agents
