// Ending the load so that its end is proven: first the producers, then everything they left in the queue.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>

#include "agents/daemon/run_parts.hpp"

namespace troop::agents {

struct Ending {
  bool proven = false;
  std::string detail;  ///< Why not, for people.
};

/// Lets every producer send what it still has, and close. Proven: each ended by itself after the broker's close-ok.
asio::awaitable<Ending> finish_producers(RunParts& parts, Duration timeout);

/// Proven when, producers being closed, the queue was empty twice with nothing unacknowledged and nothing delivered in
/// between, all consumers then cancelled, settled and closed, and the queue was still empty, twice, without a consumer.
/// What a closing consumer gave back is consumed by starting it again. Gives up when nothing moves for `idle_max`.
asio::awaitable<Ending> drain(RunParts& parts, Duration idle_max);

}  // namespace troop::agents
