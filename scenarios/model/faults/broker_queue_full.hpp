// broker.queue_full: a limit on the queue's length is reached.
#pragma once

#include "scenarios/model/catalogue.hpp"

namespace troop::model {

inline FaultSpec broker_queue_full() {
  return {
      .name = "broker.queue_full",
      .summary = "the queue's length is limited by a policy, so that it takes no more",
      .targets = {"broker"},
      .period = FaultSpec::Period::required,
      .back_end = "a policy with max-length and overflow on the broker's Erlang node",
      .proof = "the queue obeys that policy and holds as many messages as it allows",
      .undo = "the policy is deleted; proven by reading it again",
      .irreversible = {"with drop-head: messages beyond the limit are gone, or dead-lettered",
                       "with reject-publish: what the producer gave up after its nacks was never taken"},
      .client_sees = {"with reject-publish: nacks", "with drop-head: nothing at all; confirms go on"},
      .undo_max = std::chrono::seconds{60},
      .parameters = {{.name = "queue", .what = "the queue; without it the workload's"},
                     {.name = "max_length",
                      .type = ParameterType::integer,
                      .what = "ready messages that it may hold; 0: it takes none",
                      .fallback = "0",
                      .minimum = 0},
                     {.name = "overflow",
                      .type = ParameterType::choice,
                      .what = "what happens beyond it",
                      .fallback = "reject-publish",
                      .choices = {"reject-publish", "reject-publish-dlx", "drop-head"}}},
  };
}

}  // namespace troop::model
