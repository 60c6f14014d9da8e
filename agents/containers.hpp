// Docker containers that were stopped, as data: whoever is left of an agent starts them again.
#pragma once

#include <boost/json.hpp>
#include <string>

#include "agents/rabbitmq/docker_engine.hpp"
#include "common/error.hpp"

namespace troop::agents {

/// The kind of their undo record. Its state has "container" from the moment on when it was seen to run.
inline constexpr std::string_view container_kind = "container";

/// What start_again() needs.
boost::json::object to_json(const std::string& socket, const Container& container);

/// Has the engine start the container of the record, unless it runs; idempotent. Returns what was seen. Blocks for as
/// long as the engine needs, 15 seconds at most. Errors: unrestored.
Result<std::string> start_again(const boost::json::object& state);

}  // namespace troop::agents
