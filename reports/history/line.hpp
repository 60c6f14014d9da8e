// From one parsed JSON object to an Event. Internal to this room: simdjson must not leak into others' builds.
#pragma once

#include <simdjson.h>

#include <array>
#include <string>

#include "reports/history/event.hpp"

namespace troop::history {

/// Room for the digits of numbers that stand where text is expected (an id of 17 is the text "17").
struct Scratch {
  std::array<char, 24 * 16> digits;
  std::size_t used = 0;
  std::string value;
};

/// Fills `event` from `object`; text points into the parser or into `scratch`. Returns why it is no event, or empty
/// text.
std::string_view fill(Event& event, simdjson::dom::object object, Scratch& scratch);

}  // namespace troop::history
