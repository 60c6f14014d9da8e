// What the faults on a host's network have in common. The agent of the host lives in the network that it breaks.
//
// Undo needs no record, but where a fault says so: the kernel ends what they do with its agent, and by itself where the
// agent hangs.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>

#include "agents/fault.hpp"
#include "agents/faults/named_peers.hpp"
#include "agents/host/packet_alteration.hpp"
#include "agents/host/packet_filter.hpp"

namespace troop::agents {

/// Without a packet that meets the fault for so long, it took no effect.
constexpr Duration network_effect_max = std::chrono::seconds{5};

/// The value of the parameter `name` in a table of choices; the first where the step does not say. Errors: usage.
template <class T, std::size_t n>
Result<T> chosen(const protocol::StepOrder& order, std::string_view name,
                 const std::array<std::pair<std::string_view, T>, n>& choices) {
  const auto given = order.parameters.find(name);
  if (given == order.parameters.end()) return choices.front().second;
  const auto* text = std::get_if<std::string>(&given->second);
  const auto found = std::find_if(choices.begin(), choices.end(),
                                  [&](const auto& choice) { return text != nullptr && choice.first == *text; });
  if (found == choices.end()) {
    return usage_error(fmt::format("{}: '{}' cannot be {}", order.fault, name, model::to_text(given->second)));
  }
  return found->second;
}

/// Errors: usage, where the step does not say it.
Result<double> number_parameter(const protocol::StepOrder& order, std::string_view name);
/// 0 where the step does not say.
Duration duration_parameter(const protocol::StepOrder& order, std::string_view name);
/// What our dice are thrown with: from the run's seed, and so the same where a run is repeated with it.
std::uint64_t seed_of(const protocol::StepOrder& order);

/// What names mean has to be known within that time: nobody renews anything meanwhile.
constexpr Duration lookup_max = std::chrono::seconds{2};

/// Which packets the step means; peers that are hosts of the scenario become addresses, and names what they mean now.
/// Blocks for lookup_max at most where there are names. Errors: usage.
Result<Traffic> traffic_of(Parts& parts, const protocol::StepOrder& order);

/// "; of the control group /system.slice/shop.service alone", for people; empty where all traffic is meant.
std::string told_of(const std::optional<ControlGroup>& group);

/// This process may use nftables here, and where the step names a control group, tell its packets. Changes nothing.
/// Errors: usage.
Result<UndoRecord> network_record(const protocol::StepOrder& order);

/// A network fault in force.
class NetworkHolding : public Holding {
 public:
  /// For another lease, and for what the names among its peers mean by now. Errors: lost, also where the control group
  /// is no longer there that it means.
  Result<void> renew() final;
  /// To be called before anything else: `traffic` is what it means, with names or without. `parts` outlive it.
  void follow(Parts& parts, const protocol::StepOrder& order, Traffic traffic);
  /// For people, behind what has been said: whose traffic it is, what the names are, and what is exempt. Empty where
  /// there is none of these.
  [[nodiscard]] std::string told_besides() const;
  /// What it has done so far, for people; nothing where that is nothing. Errors: lost, usage.
  virtual Result<std::optional<std::string>> effect() = 0;
  /// For people: what it waits for in vain where it has no effect.
  [[nodiscard]] virtual std::string_view missing() const { return "it met no packet"; }
  /// Ends it and proves that. Idempotent. Errors: unrestored.
  virtual Result<void> stop() = 0;

 protected:
  /// For another lease. Errors: lost.
  virtual Result<void> keep() = 0;
  /// Means more peers from the next keep() on: those of `more`, which has all else of its traffic. Errors: why not.
  virtual Result<void> add(Parts& parts, const protocol::StepOrder& order, const Traffic& more) = 0;

 private:
  std::string exempt_;
  std::optional<ControlGroup> group_;
  std::optional<NamedPeers> names_;
  NamedPeers::Take take_;
};

/// What somebody is that has renew() and stop(), and whose counts `told` puts into words.
template <class Mechanism, auto told>
class Held : public NetworkHolding {
 public:
  explicit Held(Mechanism started) : mechanism_(std::move(started)) {}
  Result<std::optional<std::string>> effect() override { return told(mechanism_); }
  Result<void> stop() override { return mechanism_.stop(); }

 protected:
  Result<void> keep() override { return mechanism_.renew(); }
  [[nodiscard]] const Mechanism& mechanism() const { return mechanism_; }

 private:
  Result<void> add(Parts&, const protocol::StepOrder&, const Traffic& more) override {
    mechanism_.add_peers(more.peers);
    return success();
  }

  Mechanism mechanism_;
};

/// Keeps `holding` for the step, and waits for its effect: the proof. Errors: lost, where it has none within
/// `patience`; cancelled, where it was undone meanwhile.
asio::awaitable<Result<Proof>> take_effect(Parts& parts, const protocol::StepOrder& order,
                                           std::unique_ptr<NetworkHolding> holding,
                                           Duration patience = network_effect_max);
/// The revert of all of them. Errors: unrestored.
asio::awaitable<Result<Proof>> end_network_fault(Parts& parts, const protocol::StepOrder& order, Seen seen);

/// What a step stops. Errors: usage.
using StopRuleOf = Result<StopRule> (*)(Parts& parts, const protocol::StepOrder& order);
/// plan and apply of the faults that stop packets.
Result<UndoRecord> plan_to_stop(Parts& parts, const protocol::StepOrder& order, StopRuleOf rule_of);
asio::awaitable<Result<Proof>> stop_packets(Parts& parts, const protocol::StepOrder& order, StopRuleOf rule_of);

/// What a step alters: `own` is what the fault itself says, its traffic, share and seed are read here. Errors: usage.
Result<AlterationRule> alteration_of(Parts& parts, const protocol::StepOrder& order, AlterationRule own);
/// The apply of the faults that alter packets.
asio::awaitable<Result<Proof>> alter_packets(Parts& parts, const protocol::StepOrder& order, AlterationRule rule);

}  // namespace troop::agents
