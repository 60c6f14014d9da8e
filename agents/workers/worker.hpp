// The process `troop-agent worker --config-fd N --ring-fd M`: one producer or one consumer.
#pragma once

namespace troop::agents {

/// Runs until the agent commands `finish` or `abort` through the ring. Dies with the agent (PDEATHSIG); SIGINT and
/// SIGHUP are ignored, because the agent decides when its workers end. Blocks. Returns the exit code: 0 finished and
/// the connection is proven closed; 2 the descriptors or the configuration are wrong; 3 finished without that proof, or
/// aborted. Complaints go to standard error, one line each, without secrets.
int worker_main(int config_fd, int ring_fd);

}  // namespace troop::agents
