// fd.exhaust: a program that has leaked all its file descriptors.
#pragma once

#include "scenarios/model/process_parameters.hpp"

namespace troop::model {

inline FaultSpec fd_exhaust() {
  return {
      .name = "fd.exhaust",
      .summary =
          "processes of a host cannot open anything more: no file, no "
          "connection; what is open stays open",
      .targets = {"host", "local"},
      .period = FaultSpec::Period::required,
      .back_end =
          "the limit of each pinned process (RLIMIT_NOFILE), lowered "
          "to what it has open",
      .proof =
          "the limit is read back, and no descriptor below it is free, "
          "but for those that are left",
      .undo = "the limit is raised to what it was; proven when it is read back",
      .irreversible = {"what the programs could not open meanwhile",
                       "what they start meanwhile inherits the limit, and keeps it"},
      .client_sees = {"connections that are not accepted, or not opened; "
                      "established ones go on"},
      .undo_max = std::chrono::seconds{2},
      .parameters = with_process_selectors({{.name = "leave",
                                             .type = ParameterType::integer,
                                             .what = "so many more descriptors can be opened",
                                             .fallback = "0",
                                             .minimum = 0,
                                             .maximum = 100000}}),
      .outlives_agent = true,
  };
}

}  // namespace troop::model
