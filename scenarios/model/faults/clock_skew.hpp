// clock.skew: somebody sets a clock, or it was wrong all along.
#pragma once

#include "scenarios/model/catalogue.hpp"

namespace troop::model {

inline FaultSpec clock_skew() {
  return {
      .name = "clock.skew",
      .summary = "a managed broker's wall clock jumps ahead or behind, and back later; nobody else's does",
      .targets = {"broker"},
      .period = FaultSpec::Period::required,
      .back_end = "libfaketime, loaded into the broker when the run starts it, which reads the offset from a file",
      .proof = "the broker's node was asked for the time that its system has",
      .undo = "the offset is taken away; proven when the node has this machine's time again",
      .irreversible = {"what expired meanwhile is gone, what was stamped meanwhile keeps its stamp"},
      .client_sees = {"ahead: messages and queues with a time to live expire early, those that wait at once",
                      "behind: they live longer"},
      .undo_max = std::chrono::seconds{15},
      .parameters = {{.name = "offset",
                      .type = ParameterType::duration,
                      .what = "how far the clock jumps",
                      .required = true,
                      .minimum = 1,
                      .maximum = 31'536'000},
                     {.name = "direction",
                      .type = ParameterType::choice,
                      .what = "where to",
                      .fallback = "ahead",
                      .choices = {"ahead", "behind"}}},
      .on_each_node = true,
  };
}

}  // namespace troop::model
