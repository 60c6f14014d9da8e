// A fault by its name in the names of tests; without this GoogleTest prints its bytes. All files of a program must print
// a type in the same way, or the linker chooses for them.
#pragma once

#include <ostream>

#include "agents/fault.hpp"

namespace troop::agents {
inline void PrintTo(const Fault& fault, std::ostream* out) { *out << fault.name; }
}  // namespace troop::agents
