// A consumer: records each delivery, works on it, acknowledges it.
#pragma once

#include "agents/workers/config.hpp"
#include "agents/workers/effects_table.hpp"
#include "agents/workers/ring.hpp"

namespace troop::agents {

/// Consumes until the ring says finish; `abort` ends the process. Blocks. Returns worker_main()'s exit code.
/// `effects`: see Handler.
int run_consumer(const WorkerConfig& config, EffectsTable effects, RingWriter& ring);

}  // namespace troop::agents
