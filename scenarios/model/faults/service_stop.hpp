// service.stop: a service is stopped the orderly way, as in a deployment.
#pragma once

#include "scenarios/model/catalogue.hpp"

namespace troop::model {

inline FaultSpec service_stop() {
  return {
      .name = "service.stop",
      .summary = "a service, a Docker container or a systemd unit, is stopped the orderly way, and started again later",
      .targets = {"host", "local"},
      .period = FaultSpec::Period::required,
      .back_end = "the Docker engine on this machine, over its socket, which kills after 20 s; systemctl stop",
      .proof =
          "the engine, or systemd, says that it does not run; both are asked again for as long as the fault is held",
      .undo =
          "the engine or systemd starts it, unless it runs or somebody else has stopped it; proven when they say so",
      .irreversible = {"its connections are closed"},
      .client_sees = {"a service that says farewell and is gone"},
      .undo_max = std::chrono::seconds{75},
      .parameters = {{.name = "container", .type = ParameterType::text, .what = "the container, by its name or id"},
                     {.name = "unit",
                      .type = ParameterType::text,
                      .what = "instead of it: the service of systemd, by its whole name, such as nginx.service"}},
      .outlives_agent = true,
  };
}

}  // namespace troop::model
