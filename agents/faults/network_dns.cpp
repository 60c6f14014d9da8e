// network.dns: what the host's resolvers answer about chosen names is wrong, late, or does not come.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <fstream>
#include <sstream>

#include "agents/faults/control_faults.hpp"
#include "agents/faults/network_faults.hpp"
#include "agents/faults/table.hpp"
#include "agents/host/dns_answers.hpp"

namespace troop::agents {
namespace {

constexpr const char* resolv_conf = "/etc/resolv.conf";
constexpr std::int64_t usual_port = 53;

std::vector<std::string> resolvers_of_this_host() {
  std::ostringstream text;
  text << std::ifstream{resolv_conf}.rdbuf();
  return resolvers_in(text.str());
}

Result<Traffic> resolvers(Parts& parts, protocol::StepOrder order) {
  order.parameters["protocol"] = std::string{"udp"};
  order.parameters.try_emplace("port", usual_port);
  order.parameters.erase("direction");
  if (!order.parameters.contains("peers")) order.parameters["peers"] = resolvers_of_this_host();
  BOOST_OUTCOME_TRY(auto traffic, traffic_of(parts, order));
  if (traffic.everybody) return usage_error(fmt::format("{}: resolvers are named one by one", order.fault));
  if (traffic.names.empty()) return traffic;
  return usage_error(order.fault + ": resolvers are addresses or hosts of the scenario: what their names mean, they " +
                     "would be asked themselves");
}

Result<DnsRule> rule_of(Parts& parts, const protocol::StepOrder& order) {
  static constexpr std::array answers{
      std::pair{std::string_view{"nxdomain"}, DnsAnswer::nxdomain},
      std::pair{std::string_view{"servfail"}, DnsAnswer::servfail},
      std::pair{std::string_view{"nodata"}, DnsAnswer::nodata},
      std::pair{std::string_view{"address"}, DnsAnswer::address},
      std::pair{std::string_view{"late"}, DnsAnswer::late},
      std::pair{std::string_view{"none"}, DnsAnswer::none},
  };
  DnsRule rule;
  BOOST_OUTCOME_TRY(rule.answer, chosen(order, "answer", answers));
  const auto written = order.parameters.find("names");
  const auto* list =
      written == order.parameters.end() ? nullptr : std::get_if<std::vector<std::string>>(&written->second);
  auto names = list == nullptr ? Result<DnsNames>{usage_error("it has no list")} : DnsNames::of(*list);
  if (names.has_error()) return std::move(names).error().within(order.fault + ": 'names'");
  rule.names = std::move(names).value();
  if (const auto address = text_parameter(order, "address", ""); !address.empty()) {
    auto given = parse_address(address);
    if (given.has_error()) return std::move(given).error().within(order.fault + ": 'address'");
    rule.address = given.value();
  }
  rule.delay = duration_parameter(order, "delay");
  BOOST_OUTCOME_TRY(rule.traffic, resolvers(parts, order));
  if (auto sound = feasible(rule); sound.has_error()) return std::move(sound).error().within(order.fault);
  return rule;
}

std::string became(const DnsRule& rule) {
  switch (rule.answer) {
    case DnsAnswer::nxdomain:
      return "became NXDOMAIN";
    case DnsAnswer::servfail:
      return "became SERVFAIL";
    case DnsAnswer::nodata:
      return "became empty";
    case DnsAnswer::address:
      return "became " + rule.address.to_string();
    case DnsAnswer::late:
      return "came " + model::to_text(rule.delay) + " later";
    case DnsAnswer::none:
      return "were dropped";
  }
  return {};
}

Result<std::optional<std::string>> told(const DnsAnswers& dns) {
  const auto counts = dns.counts();
  if (counts.changed == 0) return std::nullopt;
  std::vector<std::string> resolvers;
  for (const auto& peer : dns.rule().traffic.peers) resolvers.push_back(peer.to_string());
  return fmt::format("{} answers of {} {}; the resolvers are {}, port {}", counts.changed, counts.answers,
                     became(dns.rule()), fmt::join(resolvers, ", "), dns.rule().traffic.ports.front());
}

Result<UndoRecord> plan(Parts& parts, const protocol::StepOrder& order) {
  BOOST_OUTCOME_TRY(rule_of(parts, order));
  return network_record(order);
}

asio::awaitable<Result<Proof>> apply(Parts& parts, const protocol::StepOrder& order, Seen) {
  BOOST_OUTCOME_CO_TRY(auto rule, rule_of(parts, order));
  const Duration patience = network_effect_max + rule.delay;
  auto started = DnsAnswers::start(rule, protocol::lease);
  if (started.has_error()) co_return std::move(started).error().within(order.fault);
  auto held = std::make_unique<Held<DnsAnswers, told>>(std::move(started).value());
  held->follow(parts, order, std::move(rule.traffic));
  co_return co_await take_effect(parts, order, std::move(held), patience);
}

}  // namespace

const Fault network_dns{
    .name = "network.dns",
    .plan = plan,
    .apply = apply,
    .revert = end_network_fault,
    .able = try_packet_queue,
};

}  // namespace troop::agents
