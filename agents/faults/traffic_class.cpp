#include "agents/faults/traffic_class.hpp"

#include "agents/faults/control_faults.hpp"
#include "agents/shaping_record.hpp"

namespace troop::agents {
namespace {

constexpr Duration look_interval = std::chrono::milliseconds{5};

/// Both are sorted.
template <class T>
bool have_one_in_common(const std::vector<T>& one, const std::vector<T>& other) {
  return std::ranges::any_of(one, [&](const T& each) { return std::ranges::binary_search(other, each); });
}

/// No socket is of both.
bool are_apart(const std::optional<ControlGroup>& one, const std::optional<ControlGroup>& other) {
  return one && other && !one->is_within(*other) && !other->is_within(*one);
}

/// Some packet may be of both.
bool overlap(const Traffic& one, const Traffic& other) {
  const bool ports = one.ports.empty() || other.ports.empty() || have_one_in_common(one.ports, other.ports);
  const bool transports =
      one.transport == Transport::any || other.transport == Transport::any || one.transport == other.transport;
  return !are_apart(one.group, other.group) && ports && transports && have_one_in_common(one.peers, other.peers);
}

}  // namespace

Result<void> HeldClass::keep() {
  BOOST_OUTCOME_TRY(shaped(shaping_));
  if (auto leaves = leaves_by(shaping_, parts_, order_, traffic_); leaves.has_error()) {
    return Error{ErrorKind::lost, leaves.error().context};
  }
  return filter_.renew();
}

Result<void> HeldClass::add(Parts& parts, const protocol::StepOrder& order, const Traffic& more) {
  BOOST_OUTCOME_TRY(leaves_by(shaping_, parts, order, more));
  filter_.add_peers(more.peers);
  traffic_.peers.insert(traffic_.peers.end(), more.peers.begin(), more.peers.end());
  std::ranges::sort(traffic_.peers);
  return success();
}

Result<Shaping> class_for(Parts& parts, const protocol::StepOrder& order, const Traffic& traffic,
                          const std::optional<Netem>& netem) {
  for (const auto& [number, holding] : parts.holdings()) {
    const auto* other = dynamic_cast<const HeldClass*>(holding.get());
    if (other == nullptr || number == order.number || !overlap(traffic, other->traffic())) continue;
    return usage_error(
        fmt::format("{}: step {} has sent some of these packets into a class of its own, and a packet "
                    "can be in one only",
                    order.fault, number));
  }
  if (traffic.everybody) {
    return usage_error(fmt::format(
        "{}: the links that it leaves by are looked up for each peer, so they have to be named", order.fault));
  }
  auto shaping = plan_shaping(traffic.peers);
  if (shaping.has_error()) return std::move(shaping).error().within(order.fault);
  for (const auto& [number, holding] : parts.holdings()) {
    const auto* other = dynamic_cast<const HeldClass*>(holding.get());
    if (!netem || other == nullptr || number == order.number || !other->netem()) continue;
    if (!netem->duplicates && !other->netem()->duplicates) continue;
    if (!have_one_in_common(shaping.value().links, other->shaping().links)) continue;
    return usage_error(
        fmt::format("{}: step {} has a netem on the same link, and where one of them duplicates, newer kernels take no "
                    "other",
                    order.fault, number));
  }
  return shaping;
}

Result<Shaping> class_of_netem(Parts& parts, const protocol::StepOrder& order, const Traffic& traffic,
                               const Netem& netem) {
  if (auto sound = feasible(netem); sound.has_error()) return std::move(sound).error().within(order.fault);
  const auto tried = try_netem();
  if (!tried.able()) return usage_error(fmt::format("{}: {}; {}", order.fault, tried.obstacle, tried.remedy));
  return class_for(parts, order, traffic, netem);
}

Ability able_either_way() {
  const auto arriving = try_packet_queue();
  const auto leaving = try_netem();
  if (!arriving.able() && !leaving.able()) {
    return {arriving.obstacle + "; " + leaving.obstacle, arriving.remedy + "; or " + leaving.remedy};
  }
  const auto told_of = [](std::string_view way, const Ability& ability) {
    return ability.able() ? fmt::format("\"{}\" by {}", way, ability.how)
                          : fmt::format("\"{}\" not: {}; {}", way, ability.obstacle, ability.remedy);
  };
  return {.how = told_of("in", arriving) + ", " + told_of("out", leaving)};
}

Result<void> leaves_by(const Shaping& shaping, Parts& parts, const protocol::StepOrder& order, const Traffic& traffic) {
  BOOST_OUTCOME_TRY(const auto now, class_for(parts, order, traffic));
  for (const int link : now.links) {
    if (std::ranges::find(shaping.links, link) != shaping.links.end()) continue;
    return usage_error(
        fmt::format("{}: it leaves by another link than what was meant when that was planned, and the "
                    "class of traffic is not on that",
                    order.fault));
  }
  return success();
}

Result<PacketFilter> sent_into(const Shaping& shaping, Traffic traffic, double percent) {
  traffic.direction = Direction::out;
  StopRule rule{
      .traffic = std::move(traffic), .how = Stop::classify, .percent = percent, .priority = shaping.priority()};
  return PacketFilter::start(std::move(rule), protocol::lease);
}

asio::awaitable<Result<Proof>> end_class(Parts& parts, const protocol::StepOrder& order, Seen seen, Duration patience) {
  BOOST_OUTCOME_CO_TRY(auto ended, co_await end_network_fault(parts, order, seen));
  const auto shaping = noted_shaping(seen);
  if (shaping.number == 0) co_return ended;
  const std::int64_t deadline = monotonic_ns() + patience.count();
  std::uint64_t waiting = 0;
  while (true) {
    const auto counts = shaped(shaping);
    waiting = counts.has_value() ? counts.value().waiting : 0;
    if (waiting == 0 || monotonic_ns() >= deadline) break;
    co_await pause_for(look_interval);
  }
  if (auto gone = unshape(shaping); gone.has_error()) co_return not_restored(order, gone.error());
  ended.time = monotonic_ns();
  ended.text += "; its class of traffic too";
  if (waiting > 0) ended.text += fmt::format(", with {} packets that waited in it", waiting);
  co_return ended;
}

}  // namespace troop::agents
