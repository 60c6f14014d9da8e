// broker.policy: a policy is in force for a while.
#pragma once

#include "scenarios/model/catalogue.hpp"

namespace troop::model {

inline FaultSpec broker_policy() {
  return {
      .name = "broker.policy",
      .summary = "a policy is set, stays in force, and is removed; one of the same name comes back as it was",
      .targets = {"broker"},
      .period = FaultSpec::Period::required,
      .back_end = "rabbit_policy:set() on the broker's Erlang node",
      .proof = "the queue obeys that policy, with all of its definition",
      .undo = "deleted, or the former one of that name is set; proven by reading it again",
      .irreversible = {"what the policy did to messages stays: dropped, expired, dead-lettered"},
      .client_sees = {"what the definition says: nacks, drops, expiry, dead-lettering"},
      .undo_max = std::chrono::seconds{60},
      .parameters = {{.name = "definition", .what = "JSON object, such as {\"max-length\": 100}", .required = true},
                     {.name = "name", .what = "the policy's name", .fallback = "troop.policy"},
                     {.name = "pattern", .what = "regular expression over names; without it exactly the queue"},
                     {.name = "queue", .what = "the queue; without it the workload's"},
                     {.name = "apply_to",
                      .type = ParameterType::choice,
                      .what = "what it governs; the proof needs the queue among them",
                      .fallback = "queues",
                      .choices = {"queues", "all"}},
                     {.name = "priority",
                      .type = ParameterType::integer,
                      .what = "of the policies that match, only the highest counts",
                      .fallback = "1000",
                      .minimum = 0}},
  };
}

}  // namespace troop::model
