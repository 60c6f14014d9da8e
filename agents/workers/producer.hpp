// A producer: publishes on a schedule that was fixed in advance, whatever the broker does.
#pragma once

#include "agents/workers/config.hpp"
#include "agents/workers/ring.hpp"

namespace troop::agents {

/// Publishes until the ring says finish; `abort` ends the process. Blocks. Returns worker_main()'s exit code.
int run_producer(const WorkerConfig& config, RingWriter& ring);

}  // namespace troop::agents
