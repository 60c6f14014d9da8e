// The one place that holds Troop's version; CMake reads it from here.
#pragma once

namespace troop {

inline constexpr auto version = "0.1.0";

}  // namespace troop
