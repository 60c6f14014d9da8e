#include "agents/workers/worker.hpp"

#include <fmt/format.h>

#include "agents/workers/config.hpp"
#include "agents/workers/ring.hpp"

namespace troop::agents {

int worker_main(int config_fd, int ring_fd) {
  auto config = read_worker_config(config_fd);
  auto ring = RingWriter::attach(ring_fd);
  if (!config || !ring) {
    fmt::print(stderr, "troop-agent worker: {}\n", (config ? ring.error() : config.error()).context);
    return 2;
  }
  return 3;
}

}  // namespace troop::agents
