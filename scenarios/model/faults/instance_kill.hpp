// instance.kill: a whole instance of a service goes, as when its machine loses power.
#pragma once

#include "scenarios/model/catalogue.hpp"

namespace troop::model {

inline FaultSpec instance_kill() {
  return {
      .name = "instance.kill",
      .summary = "a Docker container, or all processes of a systemd unit, are killed; it is started again later",
      .targets = {"host", "local"},
      .period = FaultSpec::Period::required,
      .back_end = "the Docker engine on this machine, over its socket; systemctl kill --signal=SIGKILL",
      .proof =
          "the engine, or systemd, says that it does not run, and the unit's processes are gone; both are asked again "
          "for as long as the fault is held, but for a unit that Restart= brings back",
      .undo =
          "the engine or systemd starts it, unless it runs or somebody else has stopped it; proven when they say so",
      .irreversible = {"what its processes had in memory is lost", "its connections are closed"},
      .client_sees = {"a service that is gone without a farewell"},
      .undo_max = std::chrono::seconds{75},
      .parameters = {{.name = "container", .type = ParameterType::text, .what = "the container, by its name or id"},
                     {.name = "unit",
                      .type = ParameterType::text,
                      .what = "instead of it: the service of systemd, by its whole name, such as nginx.service"}},
      .outlives_agent = true,
  };
}

}  // namespace troop::model
