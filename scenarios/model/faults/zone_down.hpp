// zone.down: everything in an availability zone, or a rack, fails at once.
#pragma once

#include "scenarios/model/catalogue.hpp"
#include "scenarios/model/scenario.hpp"

namespace troop::model {

inline FaultSpec zone_down() {
  return {
      .name = "zone.down",
      .summary =
          "every node of the broker, producer and consumer on the hosts of a zone is killed at once, and started again "
          "together",
      .targets = {zone_kind},
      .period = FaultSpec::Period::required,
      .back_end = "broker.kill and process.kill of each of them",
      .proof = "each of them is gone",
      .undo = "each of them is started again, and proven as those faults do",
      .irreversible = {"what those faults cannot undo"},
      .client_sees = {"the zone's nodes and workers are gone without a farewell; those of other zones go on"},
      .undo_max = std::chrono::seconds{60},
      .composed = true,
  };
}

}  // namespace troop::model
