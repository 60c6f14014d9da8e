#include "scenarios/model/faults/catalogue.hpp"

#include <algorithm>

#include "scenarios/model/faults/broker_kill.hpp"
#include "scenarios/model/faults/broker_pause.hpp"
#include "scenarios/model/faults/broker_restart.hpp"
#include "scenarios/model/faults/broker_stop.hpp"
#include "scenarios/model/faults/process_kill.hpp"
#include "scenarios/model/faults/process_pause.hpp"

namespace troop::model {

const std::vector<FaultSpec>& faults() {
  static const std::vector<FaultSpec> all{
      broker_stop(), broker_kill(), broker_pause(), broker_restart(), process_kill(), process_pause(),
  };
  return all;
}

const FaultSpec* find_fault(const std::vector<FaultSpec>& faults, std::string_view name) {
  const auto found = std::ranges::find(faults, name, &FaultSpec::name);
  return found == faults.end() ? nullptr : &*found;
}

}  // namespace troop::model
