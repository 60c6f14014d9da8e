#include "agents/faults/table.hpp"

#include <algorithm>
#include <array>

namespace troop::agents {

std::span<const Fault> faults() {
  static const std::array table{broker_kill, broker_pause, broker_restart, broker_stop, process_kill, process_pause};
  return table;
}

const Fault* find_fault(std::string_view name) {
  const auto all = faults();
  const auto found = std::find_if(all.begin(), all.end(), [&](const Fault& fault) { return fault.name == name; });
  return found == all.end() ? nullptr : &*found;
}

}  // namespace troop::agents
