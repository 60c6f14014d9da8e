// What the faults have in common that send packets into a class of their own where they leave (Shaping). The kernel
// does not remove it with its agent: it stands in the undo record, and does nothing from the moment the agent is dead.
#pragma once

#include <optional>

#include "agents/faults/network_faults.hpp"
#include "agents/host/shaping.hpp"

namespace troop::agents {

class HeldClass : public NetworkHolding {
 public:
  /// `parts` outlive it.
  HeldClass(Parts& parts, protocol::StepOrder order, PacketFilter filter, Traffic traffic, Shaping shaping)
      : parts_(parts),
        order_(std::move(order)),
        filter_(std::move(filter)),
        traffic_(std::move(traffic)),
        shaping_(std::move(shaping)) {}
  /// Nothing is sent into the class any more; it is still there.
  Result<void> stop() override { return filter_.stop(); }
  [[nodiscard]] const Traffic& traffic() const { return traffic_; }
  [[nodiscard]] const Shaping& shaping() const { return shaping_; }
  /// What is done in the class; nothing: it has a rate.
  [[nodiscard]] virtual std::optional<Netem> netem() const { return std::nullopt; }

 protected:
  Result<void> keep() override;
  [[nodiscard]] PacketFilter& filter() { return filter_; }

 private:
  Result<void> add(Parts& parts, const protocol::StepOrder& order, const Traffic& more) override;

  Parts& parts_;
  protocol::StepOrder order_;
  PacketFilter filter_;
  Traffic traffic_;
  Shaping shaping_;
};

/// The plan_shaping of a step's traffic, which refuses too where another step has put some of it into a class: a packet
/// can be in one only; and where `netem` duplicates, or another's does, on the same link.
Result<Shaping> class_for(Parts& parts, const protocol::StepOrder& order, const Traffic& traffic,
                          const std::optional<Netem>& netem = std::nullopt);
/// The same for netem, where this kernel has it: tries in a network namespace that nobody sees.
Result<Shaping> class_of_netem(Parts& parts, const protocol::StepOrder& order, const Traffic& traffic,
                               const Netem& netem);
/// Of a fault that is done to what arrives, or by netem to what leaves.
Ability able_either_way();
/// All of the traffic leaves by the links that the class is on: routes, and what names mean, may have changed.
/// Errors: usage.
Result<void> leaves_by(const Shaping& shaping, Parts& parts, const protocol::StepOrder& order, const Traffic& traffic);
/// Sends what leaves of the traffic into the class, or a share of it, each packet by the kernel's dice. Errors: usage.
Result<PacketFilter> sent_into(const Shaping& shaping, Traffic traffic, double percent = 100);
/// The revert: nothing more is sent into the class; what waits in it may leave for up to `patience`; then it is
/// removed.
asio::awaitable<Result<Proof>> end_class(Parts& parts, const protocol::StepOrder& order, Seen seen, Duration patience);

}  // namespace troop::agents
