#include "agents/faults/network_faults.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "agents/faults/control_faults.hpp"
#include "agents/faults/selected_processes.hpp"
#include "agents/host/policy.hpp"
#include "scenarios/model/host_name.hpp"

namespace troop::agents {
namespace {

constexpr Duration look_interval = std::chrono::milliseconds{20};

/// What the step holds; nullptr where it holds nothing (any more: whoever waits asks again), or something else.
NetworkHolding* held_by(Parts& parts, const protocol::StepOrder& order) {
  const auto held = parts.holdings().find(order.number);
  return held == parts.holdings().end() ? nullptr : dynamic_cast<NetworkHolding*>(held->second.get());
}

/// Adds what the step names to the traffic. Errors: usage.
Result<void> add_peers(Traffic& traffic, const std::vector<Peer>& hosts, const std::vector<std::string>& peers) {
  if (std::ranges::find(peers, model::any_peer) != peers.end()) {
    if (peers.size() > 1) return usage_error(fmt::format("'{}' are all peers: no others beside it", model::any_peer));
    traffic.everybody = true;
    return success();
  }
  std::vector<std::string> names;
  for (const auto& peer : peers) {
    const auto host = std::ranges::find(hosts, peer, &Peer::name);
    const auto address = parse_address(host == hosts.end() ? peer : host->address);
    if (host != hosts.end() && !host->address6.empty()) {
      BOOST_OUTCOME_TRY(const auto other, parse_address(host->address6));
      traffic.peers.push_back(other);
    }
    if (address.has_value()) {
      traffic.peers.push_back(address.value());
    } else if (host == hosts.end() && model::is_dns_name(peer)) {
      names.push_back(peer);
    } else if (host == hosts.end()) {
      return usage_error("'" + peer + "' is neither another host of the scenario, nor an address, nor a DNS name");
    } else {
      return address.error();
    }
  }
  BOOST_OUTCOME_TRY(traffic.names, resolved(names, lookup_max));
  for (const auto& each : traffic.names) {
    traffic.peers.insert(traffic.peers.end(), each.addresses.begin(), each.addresses.end());
  }
  return success();
}

/// Nobody cuts the branch that the host sits on: what is named and protected is refused.
Result<void> admitted(const Policy& policy, const Traffic& traffic, const std::string& fault) {
  for (const auto port : traffic.ports) {
    BOOST_OUTCOME_TRY(admits_port(policy, fault, port));
  }
  for (const auto& peer : traffic.peers) {
    if (traffic.ports.empty()) {
      BOOST_OUTCOME_TRY(admits_target(policy, fault, peer.to_string(), std::nullopt));
    }
    for (const auto port : traffic.ports) {
      BOOST_OUTCOME_TRY(admits_target(policy, fault, peer.to_string(), port));
    }
  }
  return success();
}

/// … and what is protected and not named is left out, where it could be among the packets.
Exempt exempt_from(const Policy& policy, const Traffic& traffic) {
  Exempt exempt;
  if (traffic.ports.empty()) exempt.ports = policy.protected_ports;
  if (!traffic.everybody) return exempt;
  constexpr unsigned short mapped_bits = 96;
  for (const auto& [written, network] : policy.protected_peers) {
    const auto address = network.network();
    if (address.is_v4_mapped() && network.prefix_length() >= mapped_bits) {
      exempt.v4.emplace_back(boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, address),
                             static_cast<unsigned short>(network.prefix_length() - mapped_bits));
    } else {
      exempt.v6.push_back(network);
      const boost::asio::ip::network_v6 mapped{boost::asio::ip::make_address_v6("::ffff:0:0"), network.prefix_length()};
      if (mapped.canonical() == network) exempt.v4.emplace_back(boost::asio::ip::address_v4::any(), 0);  // all of IPv4
    }
  }
  return exempt;
}

Result<std::optional<std::string>> told_of_filter(PacketFilter& filter) {
  BOOST_OUTCOME_TRY(const auto counts, filter.counters());
  if (counts.stopped_in + counts.stopped_out == 0) return std::nullopt;
  return fmt::format("{} packets from its peers and {} to them were stopped, of {} and {}", counts.stopped_in,
                     counts.stopped_out, counts.matched_in, counts.matched_out);
}

Result<std::optional<std::string>> told_of_alteration(const PacketAlteration& alteration) {
  struct Words {
    std::string_view altered, spared;
  };
  static constexpr Words words[] = {{"came twice", "could not be copied"},
                                    {"were corrupted", "had nothing to corrupt"},
                                    {"were overtaken by later ones", "were held, and nothing came meanwhile"},
                                    {"were lost", "were not"}};
  const auto& [altered, spared] = words[static_cast<std::size_t>(alteration.what())];
  const auto counts = alteration.counts();
  if (counts.altered == 0) return std::nullopt;
  auto text = fmt::format("{} packets of {} {}", counts.altered, counts.packets, altered);
  if (counts.bursts > 0) text += fmt::format(" in {} bursts", counts.bursts);
  if (counts.spared > 0) text += fmt::format("; {} {}", counts.spared, spared);
  return text;
}

}  // namespace

Result<Traffic> traffic_of(Parts& parts, const protocol::StepOrder& order) {
  static constexpr std::array directions{std::pair{std::string_view{"both"}, Direction::both},
                                         std::pair{std::string_view{"in"}, Direction::in},
                                         std::pair{std::string_view{"out"}, Direction::out}};
  static constexpr std::array transports{std::pair{std::string_view{"any"}, Transport::any},
                                         std::pair{std::string_view{"tcp"}, Transport::tcp},
                                         std::pair{std::string_view{"udp"}, Transport::udp}};
  for (const std::string_view key : {"groups", "pairs"}) {
    if (order.parameters.contains(key))
      return usage_error(fmt::format("{}: '{}' is for the plan, which makes peers of it", order.fault, key));
  }
  Traffic traffic;
  BOOST_OUTCOME_TRY(traffic.direction, chosen(order, "direction", directions));
  BOOST_OUTCOME_TRY(traffic.transport, chosen(order, "protocol", transports));
  auto group = control_group_of(parts, order);
  if (group.has_error()) return std::move(group).error().within(order.fault);
  traffic.group = std::move(group).value();
  const auto hosts = parts.peers();
  std::vector<std::string> peers;
  if (const auto given = order.parameters.find("peers"); given != order.parameters.end()) {
    const auto* list = std::get_if<std::vector<std::string>>(&given->second);
    if (list == nullptr) return usage_error(order.fault + ": 'peers' is no list");
    peers = *list;
  } else if (parts.find(order.victim) != nullptr) {
    peers = parts.ways_to_broker();
  } else {
    for (const auto& host : hosts) peers.push_back(host.name);
  }
  if (auto added = add_peers(traffic, hosts, peers); added.has_error()) {
    return std::move(added).error().within(order.fault);
  }
  if (const auto port = integer_parameter(order, "port", 0); port != 0) {
    if (port < 1 || port > 65535) return usage_error(fmt::format("{}: there is no port {}", order.fault, port));
    traffic.ports = {static_cast<std::uint16_t>(port)};
  }
  auto sound = checked(std::move(traffic));
  if (sound.has_error()) return std::move(sound).error().within(order.fault);
  BOOST_OUTCOME_TRY(const auto policy, read_policy());
  sound.value().exempt = exempt_from(policy, sound.value());
  if (auto allowed = admitted(policy, sound.value(), order.fault); allowed.has_error()) {
    auto refused = std::move(allowed).error();
    if (!sound.value().names.empty()) refused.context += "; " + told_of(sound.value().names);
    return refused;
  }
  return sound;
}

Result<double> number_parameter(const protocol::StepOrder& order, std::string_view name) {
  const auto found = order.parameters.find(name);
  const auto* number = found == order.parameters.end() ? nullptr : std::get_if<double>(&found->second);
  if (number == nullptr) return usage_error(fmt::format("{}: '{}' is no number", order.fault, name));
  return *number;
}

Duration duration_parameter(const protocol::StepOrder& order, std::string_view name) {
  const auto found = order.parameters.find(name);
  const auto* duration = found == order.parameters.end() ? nullptr : std::get_if<Duration>(&found->second);
  return duration == nullptr ? Duration{0} : *duration;
}

std::uint64_t seed_of(const protocol::StepOrder& order) { return Random{order.seed, order.fault}.next(); }

Result<UndoRecord> network_record(const protocol::StepOrder& order) {
  auto nft = Nftables::open();
  auto tables = nft ? nft.value().tables() : nft.error();
  if (tables.has_error()) return std::move(tables).error().within(order.fault);
  if (order.parameters.contains("cgroup")) {
    const auto tried = try_control_group_traffic();
    if (!tried.able()) return usage_error(fmt::format("{}: {}; {}", order.fault, tried.obstacle, tried.remedy));
  }
  return UndoRecord{"fault", {{"fault", order.fault}, {"victim", order.victim}}};
}

std::string told_of(const std::optional<ControlGroup>& group) {
  return group ? fmt::format("; of the control group {} alone", group->path) : "";
}

std::string NetworkHolding::told_besides() const {
  std::string text = told_of(group_);
  if (names_) text += "; " + names_->told();
  if (!exempt_.empty()) text += "; exempt: " + exempt_;
  return text;
}

Result<void> NetworkHolding::renew() {
  if (group_) {
    BOOST_OUTCOME_TRY(still_there(*group_));
  }
  if (names_) names_->follow(monotonic_ns(), take_);
  return keep();
}

void NetworkHolding::follow(Parts& parts, const protocol::StepOrder& order, Traffic traffic) {
  exempt_ = traffic.exempt.told();
  group_ = traffic.group;
  if (traffic.names.empty()) return;
  names_.emplace(std::exchange(traffic.names, {}), monotonic_ns());
  take_ = [this, &parts, order, traffic](const boost::asio::ip::address& address) -> Result<void> {
    Traffic more = traffic;
    more.peers = {address};
    BOOST_OUTCOME_TRY(more, checked(std::move(more)));
    BOOST_OUTCOME_TRY(const auto policy, read_policy());
    BOOST_OUTCOME_TRY(admitted(policy, more, order.fault));
    return add(parts, order, more);
  };
}

asio::awaitable<Result<Proof>> take_effect(Parts& parts, const protocol::StepOrder& order,
                                           std::unique_ptr<NetworkHolding> holding, Duration patience) {
  parts.holdings()[order.number] = std::move(holding);
  const std::int64_t deadline = monotonic_ns() + patience.count();
  std::string_view missing;
  while (monotonic_ns() < deadline) {
    auto* held = held_by(parts, order);
    if (held == nullptr) {
      co_return Error{ErrorKind::cancelled, order.fault + ": undone before it was proven"};
    }
    auto effect = held->effect();
    const std::int64_t now = monotonic_ns();
    if (effect.has_error()) co_return std::move(effect).error().within(order.fault);
    if (effect.value()) co_return Proof{now, *effect.value() + held->told_besides()};
    missing = held->missing();
    co_await pause_for(look_interval);
  }
  co_return not_proven(order, fmt::format("within {} {}", model::to_text(patience), missing));
}

asio::awaitable<Result<Proof>> end_network_fault(Parts& parts, const protocol::StepOrder& order, Seen) {
  if (!parts.holdings().contains(order.number)) co_return Proof{monotonic_ns(), "nothing is held"};
  auto* held = held_by(parts, order);
  if (held == nullptr) co_return not_restored(order, "what is held is none of the network's");
  const auto effect = held->effect();
  const auto besides = held->told_besides();
  if (auto gone = held->stop(); gone.has_error()) co_return not_restored(order, gone.error());
  parts.holdings().erase(order.number);
  std::string text = "its rules are gone";
  if (effect.has_value() && effect.value()) text += "; " + *effect.value();
  text += besides;
  const std::int64_t now = monotonic_ns();
  co_return Proof{now, std::move(text)};
}

Result<UndoRecord> plan_to_stop(Parts& parts, const protocol::StepOrder& order, StopRuleOf rule_of) {
  BOOST_OUTCOME_TRY(rule_of(parts, order));
  return network_record(order);
}

asio::awaitable<Result<Proof>> stop_packets(Parts& parts, const protocol::StepOrder& order, StopRuleOf rule_of) {
  BOOST_OUTCOME_CO_TRY(auto rule, rule_of(parts, order));
  auto started = PacketFilter::start(rule, protocol::lease);
  if (started.has_error()) co_return std::move(started).error().within(order.fault);
  auto held = std::make_unique<Held<PacketFilter, told_of_filter>>(std::move(started).value());
  held->follow(parts, order, std::move(rule.traffic));
  co_return co_await take_effect(parts, order, std::move(held));
}

Result<AlterationRule> alteration_of(Parts& parts, const protocol::StepOrder& order, AlterationRule own) {
  BOOST_OUTCOME_TRY(own.traffic, traffic_of(parts, order));
  BOOST_OUTCOME_TRY(own.percent, number_parameter(order, "percent"));
  own.seed = seed_of(order);
  if (auto sound = feasible(own); sound.has_error()) return std::move(sound).error().within(order.fault);
  return own;
}

asio::awaitable<Result<Proof>> alter_packets(Parts& parts, const protocol::StepOrder& order, AlterationRule rule) {
  const Duration patience = network_effect_max + rule.delay;
  auto started = PacketAlteration::start(rule, protocol::lease);
  if (started.has_error()) co_return std::move(started).error().within(order.fault);
  auto held = std::make_unique<Held<PacketAlteration, told_of_alteration>>(std::move(started).value());
  held->follow(parts, order, std::move(rule.traffic));
  co_return co_await take_effect(parts, order, std::move(held), patience);
}

}  // namespace troop::agents
