// memory.fill: a neighbour that takes the memory.
#pragma once

#include "scenarios/model/catalogue.hpp"

namespace troop::model {

inline FaultSpec memory_fill() {
  return {
      .name = "memory.fill",
      .summary = "a process of Troop's own takes memory of the machine; what must stay free stays free",
      .targets = {"host", "local"},
      .period = FaultSpec::Period::required,
      .back_end =
          "a child of the agent, the OOM killer's first choice, which gives back what others need; the kernel ends it "
          "with its agent",
      .proof = "the kernel counts so much of the child's memory as resident",
      .undo = "the child is ended; proven when it is gone",
      .irreversible = {"the system may have swapped, and dropped what it had cached of files"},
      .client_sees = {"programs that ask for memory wait or fail; files are read from the disk again"},
      .parameters = {{.name = "mib",
                      .type = ParameterType::integer,
                      .what = "how much, MiB",
                      .minimum = 1,
                      .maximum = 16'777'216},
                     {.name = "percent",
                      .type = ParameterType::number,
                      .what = "how much of what is available when it begins",
                      .minimum = 0.1,
                      .maximum = 100},
                     {.name = "keep_free_mib",
                      .type = ParameterType::integer,
                      .what = "so much stays available, MiB",
                      .fallback = "512",
                      .minimum = 64,
                      .maximum = 16'777'216}},
  };
}

}  // namespace troop::model
