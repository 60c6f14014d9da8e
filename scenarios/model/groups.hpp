// Faults that are made of others: a network that falls apart into groups of hosts, a zone that fails as a whole.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/error.hpp"
#include "common/ids.hpp"
#include "scenarios/model/scenario.hpp"

namespace troop::model {

/// How a network falls apart; the choices of the parameter `groups`.
inline constexpr std::string_view halves = "halves";                        ///< Two, by the seed; one may be larger.
inline constexpr std::string_view one_against_rest = "one-against-rest";    ///< Which one, by the seed.
inline constexpr std::string_view majorities_ring = "majorities-ring";      ///< See cuts().
inline constexpr std::string_view bridge = "bridge";                        ///< Halves, and one host that sees both.
inline constexpr std::string_view zone_against_zone = "zone-against-zone";  ///< Hosts without a zone see all.
inline constexpr std::string_view explicit_pairs = "pairs";                 ///< Those that `pairs` lists.

/// What is done on one host: it loses these peers.
struct Cut {
  std::string host;
  std::vector<std::string> peers;
  bool operator==(const Cut&) const = default;
};

/// Which hosts lose which, each pair on one of its two hosts only, and on few hosts. `pairs` has entries such as
/// "db-1 db-2". In a ring of majorities every host sees a majority, and no two see the same: each sees its neighbours
/// on a ring that the seed orders, up to a distance of ceil(floor(n / 2) / 2) (after the partition of that name in
/// Jepsen's nemesis). Errors: usage, where these hosts cannot fall apart so.
Result<std::vector<Cut>> cuts(const std::vector<Host>& hosts, std::string_view groups,
                              const std::vector<std::string>& pairs, Random random);

/// The cuts of a step on all hosts, by its parameters `groups` and `pairs`. Errors: as cuts().
Result<std::vector<Cut>> cuts_of(const Scenario& scenario, const Step& step, Random random);
/// Whether the seed decides who loses whom.
bool is_by_seed(const Step& step);

/// The nodes of the broker and the workers on the zone's hosts, by name.
std::vector<std::string> parts_in_zone(const Scenario& scenario, std::string_view zone);

}  // namespace troop::model
