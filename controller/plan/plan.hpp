// What a run would do: who is broken, when, and how it is put back. Pure: scenario, catalogue and seed in, timeline
// out.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/model/catalogue.hpp"
#include "scenarios/model/scenario.hpp"

namespace troop::controller {

struct PlannedStep {
  std::size_t number = 1;          ///< From 1, in the order of `at`.
  Duration at{0};                  ///< From the moment the steady state was seen.
  model::FaultSpec spec;           ///< As in the catalogue.
  std::string fault;               ///< "process.kill"
  std::string target;              ///< As the scenario says: "consumer"
  std::string victim;              ///< Who it is: "consumer-2"; the same as `target` unless that is a group.
  bool by_seed = false;            ///< Whether the seed chose the victim, or its peers.
  std::optional<Duration> period;  ///< How long it is held; none: put back at once.
  model::Parameters parameters;    ///< Defaults filled in.
};

struct Plan {
  std::uint64_t seed = 0;
  std::vector<PlannedStep> steps;         ///< In the order of `at`.
  std::vector<std::string> steady_state;  ///< What is waited for first, one line each, with units.
};

/// Resolves every group by the seed, to one victim or to several, each with a step of its own. `scenario` is one that
/// the reader accepted with `catalogue`.
Plan make_plan(const model::Scenario& scenario, const model::Catalogue& catalogue, std::uint64_t seed);

/// For a terminal: what would happen, when, to whom, by which back end, how it is proven and undone, what cannot be.
std::string to_text(const Plan& plan, const model::Scenario& scenario);
/// The same as one JSON object; durations in nanoseconds under names that end in `_ns`.
boost::json::object to_json(const Plan& plan, const model::Scenario& scenario);

}  // namespace troop::controller
