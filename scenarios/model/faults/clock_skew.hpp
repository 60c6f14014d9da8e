// clock.skew: somebody sets a clock, or it was wrong all along.
#pragma once

#include "scenarios/model/catalogue.hpp"

namespace troop::model {

inline FaultSpec clock_skew() {
  return {
      .name = "clock.skew",
      .summary =
          "the wall clock of a managed broker, or of one worker that speaks TLS, jumps ahead or behind, and "
          "back later; nobody else's does",
      .targets = {"broker", "producer", "consumer"},
      .period = FaultSpec::Period::required,
      .back_end =
          "libfaketime, loaded into the broker or the worker when the run starts it, which reads the offset "
          "from a file, a worker's from memory",
      .proof = "the broker's node, or the worker, was asked for the time that its system has",
      .undo = "the offset is taken away; proven when it has this machine's time again",
      .irreversible = {"what expired meanwhile is gone, what was stamped meanwhile keeps its stamp"},
      .client_sees = {"a broker ahead: messages and queues with a time to live expire early, those that wait at once",
                      "a broker behind: they live longer",
                      "a worker: when it connects, the broker's certificate has expired, or is not valid yet"},
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
