// service.stop: a service is stopped the orderly way, as in a deployment.
#pragma once

#include "scenarios/model/catalogue.hpp"

namespace troop::model {

inline FaultSpec service_stop() {
  return {
      .name = "service.stop",
      .summary = "a service in a Docker container is stopped the orderly way, and started again later",
      .targets = {"host", "local"},
      .period = FaultSpec::Period::required,
      .back_end = "the Docker engine on this machine, over its socket; after 20 s the engine kills it",
      .proof = "the engine says that the container does not run",
      .undo = "the engine starts the container, unless it runs; proven when the engine says so",
      .irreversible = {"its connections are closed"},
      .client_sees = {"a service that says farewell and is gone"},
      .undo_max = std::chrono::seconds{45},
      .parameters = {{.name = "container",
                      .type = ParameterType::text,
                      .what = "the container, by its name or id",
                      .required = true}},
      .outlives_agent = true,
  };
}

}  // namespace troop::model
