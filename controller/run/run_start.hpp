// The first event of a history: what the run was going to be.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <string_view>

#include "controller/plan/plan.hpp"
#include "scenarios/model/scenario.hpp"

namespace troop::controller {

/// The fields of the event `run`, phase `start`, as reports/history/README.md documents them.
boost::json::object run_start(const model::Scenario& scenario, const Plan& plan, std::string_view broker_version,
                              std::int64_t wall_ns);

}  // namespace troop::controller
