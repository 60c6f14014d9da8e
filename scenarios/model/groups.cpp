#include "scenarios/model/groups.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace troop::model {
namespace {

/// Positions in the list of hosts, the smaller first.
using Pair = std::pair<std::size_t, std::size_t>;
using Pairs = std::vector<Pair>;

std::vector<std::size_t> shuffled(std::size_t count, Random random) {
  std::vector<std::size_t> order(count);
  for (std::size_t i = 0; i < count; ++i) order[i] = i;
  for (std::size_t i = count; i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  return order;
}

/// All pairs of positions that `apart` says see each other no more, of `order`.
template <class Apart>
Pairs pairs_where(const std::vector<std::size_t>& order, Apart apart) {
  Pairs found;
  for (std::size_t i = 0; i < order.size(); ++i) {
    for (std::size_t j = i + 1; j < order.size(); ++j) {
      if (apart(i, j)) found.emplace_back(std::min(order[i], order[j]), std::max(order[i], order[j]));
    }
  }
  return found;
}

Pairs ring_of_majorities(const std::vector<std::size_t>& order) {
  const std::size_t count = order.size(), reach = (count / 2 + 1) / 2;
  return pairs_where(order, [&](std::size_t i, std::size_t j) { return std::min(j - i, count - (j - i)) > reach; });
}

Result<Pairs> listed(const std::vector<Host>& hosts, const std::vector<std::string>& written) {
  const auto position = [&](std::string_view name) -> std::optional<std::size_t> {
    const auto found = std::ranges::find(hosts, name, &Host::name);
    if (found == hosts.end()) return std::nullopt;
    return static_cast<std::size_t>(found - hosts.begin());
  };
  Pairs found;
  for (const auto& text : written) {
    const std::size_t blank = text.find(' ');
    const auto one = position(std::string_view{text}.substr(0, blank));
    const auto other = blank == std::string::npos ? std::nullopt : position(std::string_view{text}.substr(blank + 1));
    if (!one || !other || *one == *other)
      return usage_error(fmt::format("'{}' does not name two hosts, with a blank between them", text));
    found.emplace_back(std::min(*one, *other), std::max(*one, *other));
  }
  std::ranges::sort(found);
  found.erase(std::unique(found.begin(), found.end()), found.end());
  if (found.empty()) return usage_error("'pairs' says which hosts lose each other, such as [\"db-1 db-2\"]");
  return found;
}

Result<Pairs> pairs_of(const std::vector<Host>& hosts, std::string_view groups, const std::vector<std::string>& written,
                       Random random) {
  const auto order = shuffled(hosts.size(), random);
  if (groups == explicit_pairs) return listed(hosts, written);
  if (groups == halves) {
    return pairs_where(order, [half = hosts.size() / 2](auto i, auto j) { return i < half && j >= half; });
  }
  if (groups == one_against_rest) return pairs_where(order, [](auto i, auto) { return i == 0; });
  if (groups == majorities_ring) return ring_of_majorities(order);
  if (groups == bridge) {
    return pairs_where(order, [half = (hosts.size() - 1) / 2](auto i, auto j) { return i < half && j > half; });
  }
  if (groups == zone_against_zone) {
    return pairs_where(order, [&](auto i, auto j) {
      const auto &one = hosts[order[i]].zone, &other = hosts[order[j]].zone;
      return !one.empty() && !other.empty() && one != other;
    });
  }
  return usage_error(fmt::format("there are no groups '{}'", groups));
}

std::string groups_of(const Step& step) {
  const auto given = step.parameters.find("groups");
  const auto* text = given == step.parameters.end() ? nullptr : std::get_if<std::string>(&given->second);
  return text == nullptr ? std::string{} : *text;
}

/// Who loses most acts first, and with it go all pairs that it is part of.
std::vector<Cut> on_few_hosts(const std::vector<Host>& hosts, Pairs pairs) {
  std::vector<Cut> found;
  while (!pairs.empty()) {
    std::vector<std::size_t> losses(hosts.size());
    for (const auto& [one, other] : pairs) ++losses[one], ++losses[other];
    const auto most = static_cast<std::size_t>(std::ranges::max_element(losses) - losses.begin());
    Cut cut{hosts[most].name, {}};
    std::erase_if(pairs, [&](const Pair& pair) {
      const bool its = pair.first == most || pair.second == most;
      if (its) cut.peers.push_back(hosts[pair.first == most ? pair.second : pair.first].name);
      return its;
    });
    std::ranges::sort(cut.peers);
    found.push_back(std::move(cut));
  }
  return found;
}

}  // namespace

Result<std::vector<Cut>> cuts(const std::vector<Host>& hosts, std::string_view groups,
                              const std::vector<std::string>& pairs, Random random) {
  BOOST_OUTCOME_TRY(auto apart, pairs_of(hosts, groups, pairs, random));
  if (!apart.empty()) return on_few_hosts(hosts, std::move(apart));
  if (groups == zone_against_zone) return usage_error("no two hosts are in different zones: [[host]] zone");
  const int least = groups == majorities_ring ? 4 : groups == bridge ? 3 : 2;
  return usage_error(fmt::format("'{}' takes {} hosts at least", groups, least));
}

Result<std::vector<Cut>> cuts_of(const Scenario& scenario, const Step& step, Random random) {
  const auto pairs = step.parameters.find("pairs");
  const auto* written =
      pairs == step.parameters.end() ? nullptr : std::get_if<std::vector<std::string>>(&pairs->second);
  return cuts(scenario.hosts, groups_of(step), written == nullptr ? std::vector<std::string>{} : *written, random);
}

bool is_by_seed(const Step& step) {
  const std::string groups = groups_of(step);
  return groups != zone_against_zone && groups != explicit_pairs;
}

std::vector<std::string> parts_in_zone(const Scenario& scenario, std::string_view zone) {
  const auto inside = [&](const std::string& host) {
    const auto found = std::ranges::find(scenario.hosts, host, &Host::name);
    return found != scenario.hosts.end() && found->zone == zone;
  };
  std::vector<std::string> parts;
  const auto& nodes = scenario.broker.nodes_on;
  if (nodes.empty() && inside(scenario.broker.host)) parts.push_back(node_name(1));
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (inside(nodes[i])) parts.push_back(node_name(i + 1));
  }
  const auto& load = scenario.workload;
  for (std::int64_t i = 1; i <= load.producers; ++i) {
    if (inside(place(load.producers_on, i, scenario.broker.host))) parts.push_back(producer_name(i));
  }
  for (std::int64_t i = 1; i <= load.consumers; ++i) {
    if (inside(place(load.consumers_on, i, scenario.broker.host))) parts.push_back(consumer_name(i));
  }
  return parts;
}

}  // namespace troop::model
