// The undo record of a Shaping: the kernel does not end a qdisc with whoever made it.
#pragma once

#include <boost/json.hpp>
#include <string_view>

#include "agents/host/shaping.hpp"

namespace troop::agents {

/// The kind of its UndoRecord.
constexpr std::string_view shaping_kind = "shaping";

/// Adds it to the record's state.
void note_shaping(boost::json::object& state, const Shaping& shaping);
/// None, with nothing to undo, where nothing was noted, or in another boot.
Shaping noted_shaping(const boost::json::object& state);

}  // namespace troop::agents
