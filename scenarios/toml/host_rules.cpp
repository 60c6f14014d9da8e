#include "scenarios/toml/host_rules.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>

#include "scenarios/model/host_name.hpp"
#include "scenarios/toml/units.hpp"

namespace troop::scenarios {
namespace {

constexpr std::size_t hosts_max = 32;

std::vector<std::string> names_of(const std::vector<model::Host>& hosts) {
  std::vector<std::string> names;
  for (const auto& host : hosts) names.push_back(host.name);
  return names;
}

/// Names of other targets, which a step could not tell from a host's.
bool is_taken(std::string_view name) {
  if (name == model::local_target || name == model::hosts_target || name == model::any_peer) return true;
  return std::ranges::any_of(
      std::initializer_list<std::string_view>{"broker", "producer", "consumer", "reader", "agent"},
      [&](std::string_view kind) {
        return name == kind || (name.starts_with(kind) && name.substr(kind.size()).starts_with('-'));
      });
}

bool is_address(const std::string& text) {
  in6_addr any{};
  return inet_pton(AF_INET, text.c_str(), &any) == 1 || inet_pton(AF_INET6, text.c_str(), &any) == 1;
}

/// Faults that have to know each of their peers.
bool knows_its_peers(const model::Step& step) {
  const auto direction = step.parameters.find("direction");
  const auto is = [&](const char* way) {
    return direction != step.parameters.end() && direction->second == model::Value{std::string{way}};
  };
  const bool may_leave = step.fault == "network.latency" || step.fault == "network.duplicate" ||
                         step.fault == "network.corrupt" || step.fault == "network.reorder";
  return step.fault == "network.dns" || (step.fault == "network.bandwidth" && !is("in")) || (may_leave && is("out"));
}

/// The other ends of a fault on a host's network.
void refuse_peers(const model::Scenario& scenario, const std::vector<std::string>& names, const Sound& sound,
                  std::vector<Refusal>& out) {
  for (std::size_t i = 0; i < scenario.steps.size(); ++i) {
    const auto& step = scenario.steps[i];
    const std::string path = fmt::format("step.{}", i);
    const auto given = step.parameters.find("peers");
    if (given == step.parameters.end() || !step.fault.starts_with("network.") || !sound(path)) continue;
    const auto* peers = std::get_if<std::vector<std::string>>(&given->second);
    for (std::size_t j = 0; peers != nullptr && j < peers->size(); ++j) {
      const std::string& peer = (*peers)[j];
      const std::string at = fmt::format("{}.peers.{}", path, j);
      if (peer == step.target) {
        out.push_back({at, fmt::format("'{}' is the target itself: peers are the other ends", peer)});
      } else if (std::ranges::find(names, peer) != names.end() || is_address(peer)) {
        continue;
      } else if (peer == model::any_peer) {
        if (peers->size() > 1) out.push_back({at, "\"any\" are all peers: no others beside it"});
        if (knows_its_peers(step)) out.push_back({at, step.fault + " has to know its peers: name them"});
      } else if (!model::is_dns_name(peer)) {
        out.push_back({at, fmt::format("{} is neither a [[host]] nor an address nor a DNS name with a dot{}",
                                       in_quotes(peer), hint(peer, names))});
      } else if (step.fault == "network.dns") {
        out.push_back({at, fmt::format("{} is a name: resolvers are hosts or addresses, since they would be asked "
                                       "themselves what it means",
                                       in_quotes(peer))});
      }
    }
  }
}

/// The hosts of a cluster, and what only a cluster has.
template <class Place>
void refuse_nodes(const model::Scenario& scenario, const Place& place, std::vector<Refusal>& out) {
  const auto& nodes = scenario.broker.nodes_on;
  for (std::size_t i = 0; i < nodes.size(); ++i) place(fmt::format("system.broker.nodes_on.{}", i), nodes[i]);
  const auto& queue = scenario.workload.queue;
  if (queue.mirrored && nodes.empty())
    out.push_back(
        {"workload.queue.mirrored", "without a cluster there is nowhere to mirror to: system.broker.nodes_on"});
  if (!queue.declared_on.empty() && std::ranges::find(nodes, queue.declared_on) == nodes.end()) {
    out.push_back({"workload.queue.declared_on",
                   fmt::format("{} has no node of the broker: system.broker.nodes_on", in_quotes(queue.declared_on))});
  }
}

}  // namespace

void refuse_hosts(const model::Scenario& scenario, const Sound& sound, std::vector<Refusal>& out) {
  const auto names = names_of(scenario.hosts);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string path = fmt::format("host.{}.name", i);
    if (!sound(path)) continue;
    if (is_taken(names[i])) out.push_back({path, fmt::format("'{}' is the name of another kind of target", names[i])});
    if (std::find(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(i), names[i]) !=
        names.begin() + static_cast<std::ptrdiff_t>(i))
      out.push_back({path, fmt::format("there are two hosts '{}'", names[i])});
  }
  for (std::size_t i = 0; i < scenario.hosts.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const auto &one = scenario.hosts[j], &other = scenario.hosts[i];
      if (one.netns.empty() || (one.netns != other.netns && one.address != other.address)) continue;
      out.push_back({fmt::format("host.{}", i), fmt::format("'{}' and '{}' are one place", one.name, other.name)});
    }
  }
  if (names.size() > hosts_max) out.push_back({"host", fmt::format("more than {} hosts", hosts_max)});
  const auto exists = [](const model::Host& host) { return !host.netns.empty(); };
  if (std::ranges::any_of(scenario.hosts, exists) && !std::ranges::all_of(scenario.hosts, exists)) {
    out.push_back({"host",
                   "hosts that are made for the run and existing ones do not reach each other: give each a "
                   "'netns', or none"});
  }
  const auto place = [&](const std::string& path, const std::string& name) {
    if (std::ranges::find(names, name) != names.end()) return;
    out.push_back({path, names.empty() ? fmt::format("there is no host {}: declare it in [[host]]", in_quotes(name))
                                       : fmt::format("there is no host {}{}", in_quotes(name), hint(name, names))});
  };
  const auto& broker = scenario.broker;
  if (!sound("host") || !sound("system.broker") || !sound("workload")) return;
  if (broker.attach && !names.empty()) {
    out.push_back({"host", "an attached broker is where it is: [[host]] is for a broker that Troop starts"});
    return;
  }
  if (!broker.host.empty()) {
    if (broker.nodes_on.empty()) place("system.broker.host", broker.host);
  } else if (!names.empty() && !broker.attach) {
    out.push_back(
        {"host", "with [[host]], system.broker.host (or nodes_on) must say on which of them the broker runs"});
  }
  refuse_nodes(scenario, place, out);
  refuse_peers(scenario, names, sound, out);
  const auto& workload = scenario.workload;
  for (const auto& name : workload.producers_on) place("workload.producers_on", name);
  for (const auto& name : workload.consumers_on) place("workload.consumers_on", name);
}

}  // namespace troop::scenarios
