#include "agents/host/packet_alteration.hpp"

#include <fmt/format.h>

#include <atomic>
#include <deque>

#include "agents/host/loss_chain.hpp"
#include "agents/host/packet_copier.hpp"
#include "agents/host/packet_delay.hpp"

namespace troop::agents {

/// Throws the dice for each packet, and lets go at once what is not chosen.
struct AlterationHandler : PacketHandler {
  explicit AlterationHandler(const AlterationRule& rule) : share(rule.percent / 100), random(rule.seed) {}

  Result<void> take_in(PacketQueue& queue, std::span<const QueuedPacket> arrivals, std::int64_t now) override {
    for (const auto& packet : arrivals) {
      const bool copy = packet.mark == PacketCopier::mark;
      if (!copy) ++packets;
      if (copy || !chosen()) {
        BOOST_OUTCOME_TRY(queue.release(packet.number));
        ++let_pass;
      } else {
        BOOST_OUTCOME_TRY(alter(queue, packet, now));
      }
    }
    return queue.flush();
  }
  Result<void> let_go(PacketQueue&, std::int64_t) override { return success(); }
  [[nodiscard]] std::int64_t next_due() const override { return INT64_MAX; }

  virtual bool chosen() { return random.unit() < share; }
  virtual Result<void> alter(PacketQueue& queue, const QueuedPacket& packet, std::int64_t now) = 0;
  void count(bool is_altered) { ++(is_altered ? altered : spared); }

  const double share;
  Random random;
  std::uint64_t let_pass = 0;
  std::atomic<std::uint64_t> packets = 0, altered = 0, bursts = 0, spared = 0;
};

namespace {

struct Duplicating : AlterationHandler {
  Duplicating(const AlterationRule& rule, PacketCopier opened) : AlterationHandler(rule), copier(std::move(opened)) {}

  Result<void> alter(PacketQueue& queue, const QueuedPacket& packet, std::int64_t) override {
    BOOST_OUTCOME_TRY(queue.release(packet.number));
    BOOST_OUTCOME_TRY(queue.flush());  // first the packet, then its copy
    count(copier.send(packet.content));
    return success();
  }

  PacketCopier copier;
};

struct Corrupting : AlterationHandler {
  explicit Corrupting(const AlterationRule& rule) : AlterationHandler(rule), checksum(rule.checksum) {}

  Result<void> alter(PacketQueue& queue, const QueuedPacket& packet, std::int64_t) override {
    spoiled.assign(packet.content.begin(), packet.content.end());
    const bool changed = flip_a_bit(spoiled, checksum, random);
    count(changed);
    return queue.release(packet.number, changed ? spoiled : std::span<const std::uint8_t>{});
  }

  const Checksum checksum;
  std::vector<std::uint8_t> spoiled;
};

struct Reordering : AlterationHandler {
  explicit Reordering(const AlterationRule& rule) : AlterationHandler(rule), delay(rule.delay) {}

  struct Packet {
    std::uint32_t number;
    std::int64_t due;
    std::uint64_t let_pass_before;
  };

  Result<void> alter(PacketQueue&, const QueuedPacket& packet, std::int64_t now) override {
    waiting.push_back({packet.number, now + delay.count(), let_pass});
    return success();
  }
  Result<void> let_go(PacketQueue& queue, std::int64_t until) override {
    for (; !waiting.empty() && waiting.front().due <= until; waiting.pop_front()) {
      BOOST_OUTCOME_TRY(queue.release(waiting.front().number));
      count(let_pass > waiting.front().let_pass_before);
    }
    return queue.flush();
  }
  [[nodiscard]] std::int64_t next_due() const override { return waiting.empty() ? INT64_MAX : waiting.front().due; }

  const Duration delay;
  std::deque<Packet> waiting;
};

struct Losing : AlterationHandler {
  Losing(const AlterationRule& rule, const LossChain& made) : AlterationHandler(rule), chain(made) {}

  bool chosen() override {
    const bool within = chain.bad;
    if (chain.loses(random) && !within) ++bursts;
    return chain.bad;
  }
  Result<void> alter(PacketQueue& queue, const QueuedPacket& packet, std::int64_t) override {
    count(true);
    return queue.drop(packet.number);
  }

  LossChain chain;
};

Result<std::shared_ptr<AlterationHandler>> handler_of(const AlterationRule& rule) {
  switch (rule.what) {
    case Alteration::duplicate: {
      BOOST_OUTCOME_TRY(auto copier, PacketCopier::open());
      return std::make_shared<Duplicating>(rule, std::move(copier));
    }
    case Alteration::corrupt:
      return std::make_shared<Corrupting>(rule);
    case Alteration::reorder:
      return std::make_shared<Reordering>(rule);
    case Alteration::lose: {
      BOOST_OUTCOME_TRY(const auto chain, LossChain::of(rule.percent / 100, rule.burst));
      return std::make_shared<Losing>(rule, chain);
    }
  }
  return usage_error("an unknown alteration");
}

}  // namespace

Result<void> feasible(const AlterationRule& rule) {
  if (!(rule.percent >= AlterationRule::percent_min && rule.percent <= 100)) {
    return usage_error(fmt::format("'percent' is from {} to 100", AlterationRule::percent_min));
  }
  if (rule.what == Alteration::lose) {
    BOOST_OUTCOME_TRY(LossChain::of(rule.percent / 100, rule.burst));
  }
  if (rule.what != Alteration::reorder) return success();
  if (rule.percent == 100) return usage_error("nothing overtakes 100 % of the packets");
  return feasible(DelayRule{.traffic = rule.traffic, .delay = rule.delay});
}

Result<PacketAlteration> PacketAlteration::start(AlterationRule rule, Duration timeout) {
  BOOST_OUTCOME_TRY(feasible(rule));
  BOOST_OUTCOME_TRY(auto handler, handler_of(rule));
  BOOST_OUTCOME_TRY(auto diversion,
                    PacketDiversion::start(std::move(rule.traffic), PacketQueue::Tell::content, handler, timeout));
  return PacketAlteration{rule.what, std::move(handler), std::move(diversion)};
}

Altered PacketAlteration::counts() const {
  return {.packets = handler_->packets,
          .altered = handler_->altered,
          .bursts = handler_->bursts,
          .spared = handler_->spared};
}

}  // namespace troop::agents
