// instance.kill: a whole instance of a service goes, as when its machine loses power.
#pragma once

#include "scenarios/model/catalogue.hpp"

namespace troop::model {

inline FaultSpec instance_kill() {
  return {
      .name = "instance.kill",
      .summary = "a Docker container is killed, and started again later",
      .targets = {"host", "local"},
      .period = FaultSpec::Period::required,
      .back_end = "the Docker engine on this machine, over its socket",
      .proof = "the engine says that the container does not run; it is asked again for as long as the fault is held",
      .undo = "the engine starts the container, unless it runs; proven when the engine says so",
      .irreversible = {"what its processes had in memory is lost", "its connections are closed"},
      .client_sees = {"a service that is gone without a farewell"},
      .undo_max = std::chrono::seconds{45},
      .parameters = {{.name = "container",
                      .type = ParameterType::text,
                      .what = "the container, by its name or id",
                      .required = true}},
      .outlives_agent = true,
  };
}

}  // namespace troop::model
