// io.burn: a neighbour that keeps the disk busy.
#pragma once

#include "scenarios/model/catalogue.hpp"

namespace troop::model {

inline FaultSpec io_burn() {
  return {
      .name = "io.burn",
      .summary = "a file is written over and over, and synced with the disk",
      .targets = {"host", "local"},
      .period = FaultSpec::Period::required,
      .back_end = "a file without a name, open in a child of the agent: the kernel frees it with the child",
      .proof = "at least half of what was asked for has been written",
      .undo = "the child is ended; proven when it is gone",
      .irreversible = {"a disk that wears out has been written to"},
      .client_sees = {"whoever waits for the same disk waits longer"},
      .undo_max = std::chrono::seconds{10},
      .parameters = {{.name = "path",
                      .type = ParameterType::text,
                      .what = "a folder on the disk; never on the file system with the agent's undo journal",
                      .required = true},
                     {.name = "mib_per_second",
                      .type = ParameterType::integer,
                      .what = "how much is written, MiB/s",
                      .fallback = "10",
                      .minimum = 1,
                      .maximum = 1000},
                     {.name = "file_mib",
                      .type = ParameterType::integer,
                      .what = "the size of the file, MiB",
                      .fallback = "16",
                      .minimum = 1,
                      .maximum = 1024}},
  };
}

}  // namespace troop::model
