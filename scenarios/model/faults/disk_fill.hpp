// disk.fill: a disk that runs full.
#pragma once

#include "scenarios/model/catalogue.hpp"

namespace troop::model {

inline FaultSpec disk_fill() {
  return {
      .name = "disk.fill",
      .summary = "room on a file system, or on the broker's own disk, is taken; what must stay free stays free",
      .targets = {"host", "local", "broker"},
      .period = FaultSpec::Period::required,
      .back_end = "a file without a name, open in a child of the agent: the kernel frees it with the child",
      .proof = "the file of a child takes up so much on the disk, as the kernel counts it",
      .undo = "the child is ended, and its file, which has no name, with it; what is free then is told",
      .irreversible = {"what others could not write meanwhile"},
      .client_sees = {"writes that fail (ENOSPC) once the rest is used up; a broker raises its disk alarm before that"},
      .undo_max = std::chrono::seconds{10},
      .parameters = {{.name = "path",
                      .type = ParameterType::text,
                      .what =
                          "on a host, and needed there: a folder on the file system; never the one with the agent's "
                          "undo journal"},
                     {.name = "mib",
                      .type = ParameterType::integer,
                      .what = "how much, MiB",
                      .minimum = 1,
                      .maximum = 1'000'000'000},
                     {.name = "percent",
                      .type = ParameterType::number,
                      .what = "how much of what is free when it begins",
                      .minimum = 0.1,
                      .maximum = 100},
                     {.name = "keep_free_mib",
                      .type = ParameterType::integer,
                      .what = "so much stays free, MiB",
                      .fallback = "64",
                      .minimum = 1,
                      .maximum = 1'000'000'000}},
      .on_each_node = true,
  };
}

}  // namespace troop::model
