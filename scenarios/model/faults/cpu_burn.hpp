// cpu.burn: a neighbour that takes the processor.
#pragma once

#include "scenarios/model/catalogue.hpp"

namespace troop::model {

inline FaultSpec cpu_burn() {
  return {
      .name = "cpu.burn",
      .summary = "processes of Troop's own use up CPU time of the machine",
      .targets = {"host", "local"},
      .period = FaultSpec::Period::required,
      .back_end = "children of the agent that compute nothing; the kernel ends them with their agent",
      .proof = "they have used at least half of the CPU time that was asked for",
      .undo = "they are ended; proven when they are gone",
      .irreversible = {},
      .client_sees = {"everything on the machine takes longer"},
      .parameters = {{.name = "threads",
                      .type = ParameterType::integer,
                      .what = "how many, at most as many as there are CPUs",
                      .fallback = "1",
                      .minimum = 1,
                      .maximum = 256},
                     {.name = "percent",
                      .type = ParameterType::integer,
                      .what = "of one CPU, each",
                      .fallback = "100",
                      .minimum = 1,
                      .maximum = 100}},
  };
}

}  // namespace troop::model
