#include "controller/cli/template.hpp"

namespace troop::controller {
namespace {

constexpr std::string_view head = R"(# A scenario: what runs, what is broken, and what must hold all the same.
#     troop validate FILE    every mistake at once        troop plan FILE    what would happen; touches nothing
#     troop run FILE         break it and verify          troop list faults  what can be broken
# A key behind "# " shows its default: take the mark away and change it.
# These are the keys to begin with. All of them: scenarios/README.md, and troop schema (editors complete them).
# Durations are a number and ns, us, ms, s, m or h. --set addresses every key: --set step.0.for=2s

)";

constexpr std::string_view body = R"(title      = "One line for lists and reports"
hypothesis = "No confirmed message is lost, order holds per key, and producers recover"
tags       = []                  # your own words, of a-z, 0-9 and -
duration   = "20s"               # of the experiment, from the steady state on

[system.broker]
kind    = "rabbitmq"
managed = true                   # a private broker, started for this run and ended with it
# port = 0                       # AMQP port on loopback; 0: a free one
# binary = "/usr/lib/rabbitmq/bin/rabbitmq-server"
# start_timeout = "60s"          # until the broker answers

[workload]
kind = "amqp"
producers = 2                    # 1 to 64 processes, producer-1 …
consumers = 2                    # 0 to 64 processes, consumer-1 …
rate = 1000                      # messages per second, all producers together; planned ahead (open loop); 0: no limit
payload_bytes = 256
keys = 64                        # all producers together; each key belongs to one producer

[workload.queue]
# name = "troop.work"
type = "classic"                 # classic, quorum
durable = true                   # the queue survives a restart of the broker

[workload.publish]
persistent = true                # messages survive a restart of the broker (in a durable queue)
confirm = "correlated"           # none, simple (one at a time), correlated (up to `window` at once)
window = 500                     # unconfirmed messages per producer at most
mandatory = true                 # a message that no queue takes is returned, not dropped
# Resending, per message: pauses grow from `initial` by `multiplier` up to `max`, each by up to ± `jitter` of itself;
# `timeout` is for one connection attempt, and for one confirm.
retry = { attempts = 20, initial = "200ms", multiplier = 2.0, max = "5s", jitter = 0.2, timeout = "5s" }

[workload.consume]
ack = "manual"                   # none, manual, auto (by the handler's outcome)
prefetch = 100                   # unacknowledged messages per consumer at most; 0: no limit
# work = "0s"                    # how long a handler works on a message

# Nothing is broken before this holds, and `recovery` is the way back to it.
[[steady_state]]
probe = "amqp.publish"           # troop list probes
interval = "1s"
# timeout = "60s"                # how long to wait for it at the start
tolerance = { success = ">= 0.999", p99 = "< 500ms" }

# What is broken; as many steps as you like. troop list faults
[[step]]
at = "5s"                        # from the steady state on
fault = "broker.stop"
target = "broker"                # or producer-1, consumer-2; or producer, consumer: one of them, chosen by the seed
for = "5s"                       # how long the fault is held

# What must hold; troop list invariants. `expect = ["lost"]` would turn one around: that anomaly must show.
[[invariant]]
kind = "delivery"
guarantee = "at-least-once"      # at-least-once, at-most-once, exactly-once

[[invariant]]
kind = "order"
per = "key"                      # key, producer, queue

[[invariant]]
kind = "accounting"

[[invariant]]
kind = "recovery"
within = "10s"                   # from the fault's proven end to the steady state
# windows = 3                    # good intervals in a row that make the steady state
)";

}  // namespace

std::string scenario_template(std::string_view name) {
  std::string out{head};
  out.append("name       = \"").append(name).append("\"\n").append(body);
  return out;
}

}  // namespace troop::controller
