// The faults, one object per file. A new fault: its file, a line here, a line in table.cpp, its entry in the catalogue.
#pragma once

#include "agents/fault.hpp"

namespace troop::agents {

extern const Fault broker_kill;
extern const Fault broker_pause;
extern const Fault broker_restart;
extern const Fault broker_stop;
extern const Fault process_kill;
extern const Fault process_pause;

}  // namespace troop::agents
