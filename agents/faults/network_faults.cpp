#include "agents/faults/network_faults.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "agents/faults/control_faults.hpp"
#include "agents/host/policy.hpp"

namespace troop::agents {
namespace {

constexpr Duration look_interval = std::chrono::milliseconds{20};

struct HeldFilter : Holding {
  explicit HeldFilter(PacketFilter started) : filter(std::move(started)) {}
  Result<void> renew() override { return filter.renew(); }
  PacketFilter filter;
};

Result<boost::asio::ip::address> address_of(const std::vector<Peer>& hosts, const std::string& peer) {
  const auto host = std::find_if(hosts.begin(), hosts.end(), [&](const Peer& each) { return each.name == peer; });
  if (host != hosts.end()) return parse_address(host->address);
  auto address = parse_address(peer);
  if (address.has_error()) return usage_error("'" + peer + "' is neither another host of the scenario nor an address");
  return address;
}

/// Nobody cuts the branch that the host sits on.
Result<void> admitted(const Traffic& traffic, const std::string& fault) {
  BOOST_OUTCOME_TRY(const auto policy, read_policy());
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

std::string told(const Stopped& counts) {
  return fmt::format("{} packets from its peers and {} to them were stopped, of {} and {}", counts.stopped_in,
                     counts.stopped_out, counts.matched_in, counts.matched_out);
}

}  // namespace

Result<Traffic> traffic_of(Parts& parts, const protocol::StepOrder& order) {
  static constexpr std::array directions{std::pair{std::string_view{"both"}, Direction::both},
                                         std::pair{std::string_view{"in"}, Direction::in},
                                         std::pair{std::string_view{"out"}, Direction::out}};
  static constexpr std::array transports{std::pair{std::string_view{"any"}, Transport::any},
                                         std::pair{std::string_view{"tcp"}, Transport::tcp},
                                         std::pair{std::string_view{"udp"}, Transport::udp}};
  Traffic traffic;
  BOOST_OUTCOME_TRY(traffic.direction, chosen(order, "direction", directions));
  BOOST_OUTCOME_TRY(traffic.transport, chosen(order, "protocol", transports));
  const auto hosts = parts.peers();
  std::vector<std::string> peers;
  if (const auto given = order.parameters.find("peers"); given != order.parameters.end()) {
    const auto* list = std::get_if<std::vector<std::string>>(&given->second);
    if (list == nullptr) return usage_error(order.fault + ": 'peers' is no list");
    peers = *list;
  } else {
    for (const auto& host : hosts) peers.push_back(host.name);
  }
  for (const auto& peer : peers) {
    auto address = address_of(hosts, peer);
    if (address.has_error()) return std::move(address).error().within(order.fault);
    traffic.peers.push_back(address.value());
  }
  if (const auto port = integer_parameter(order, "port", 0); port != 0) {
    if (port < 1 || port > 65535) return usage_error(fmt::format("{}: there is no port {}", order.fault, port));
    traffic.ports = {static_cast<std::uint16_t>(port)};
  }
  auto sound = checked(std::move(traffic));
  if (sound.has_error()) return std::move(sound).error().within(order.fault);
  BOOST_OUTCOME_TRY(admitted(sound.value(), order.fault));
  return sound;
}

Result<UndoRecord> plan_to_stop(Parts& parts, const protocol::StepOrder& order, StopRuleOf rule_of) {
  BOOST_OUTCOME_TRY(rule_of(parts, order));
  return network_record(order);
}

Error undone_meanwhile(const protocol::StepOrder& order) {
  return {ErrorKind::cancelled, order.fault + ": undone before it was proven"};
}

Result<UndoRecord> network_record(const protocol::StepOrder& order) {
  auto nft = Nftables::open();
  auto tables = nft ? nft.value().tables() : nft.error();
  if (tables.has_error()) return std::move(tables).error().within(order.fault);
  return UndoRecord{"fault", {{"fault", order.fault}, {"victim", order.victim}}};
}

asio::awaitable<Result<Proof>> stop_packets(Parts& parts, const protocol::StepOrder& order, StopRuleOf rule_of) {
  BOOST_OUTCOME_CO_TRY(auto rule, rule_of(parts, order));
  auto started = PacketFilter::start(std::move(rule), protocol::lease);
  if (started.has_error()) co_return std::move(started).error().within(order.fault);
  parts.holdings()[order.number] = std::make_unique<HeldFilter>(std::move(started).value());
  const std::int64_t deadline = monotonic_ns() + network_effect_max.count();
  while (monotonic_ns() < deadline) {
    auto* held = held_by<HeldFilter>(parts, order);
    if (held == nullptr) co_return undone_meanwhile(order);
    BOOST_OUTCOME_CO_TRY(const auto counts, held->filter.counters());
    const std::int64_t now = monotonic_ns();
    if (counts.stopped_in + counts.stopped_out > 0) co_return Proof{now, told(counts)};
    co_await pause_for(look_interval);
  }
  co_return not_proven(order, fmt::format("within {} no packet was stopped", model::to_text(network_effect_max)));
}

asio::awaitable<Result<Proof>> let_packets_pass(Parts& parts, const protocol::StepOrder& order, Seen) {
  if (!parts.holdings().contains(order.number)) co_return Proof{monotonic_ns(), "nothing is held"};
  auto* held = held_by<HeldFilter>(parts, order);
  if (held == nullptr) co_return not_restored(order, "what is held is no filter");
  const auto counts = held->filter.counters();
  if (auto gone = held->filter.stop(); gone.has_error()) co_return not_restored(order, gone.error());
  const auto text = fmt::format("the table {} is gone{}", held->filter.table(),
                                counts.has_value() ? "; " + told(counts.value()) : std::string{});
  parts.holdings().erase(order.number);
  co_return Proof{monotonic_ns(), text};
}

}  // namespace troop::agents
