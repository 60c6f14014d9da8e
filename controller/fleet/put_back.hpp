// The end of a conversation with an agent: the host is as it was before, or it is said that it is not.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "controller/fleet/agent_link.hpp"

namespace troop::controller {

struct PutBack {
  bool restored = true;
  std::vector<std::string> problems;  ///< For people; also of what went wrong but was put right.
};

/// Has the agent put everything back, and ends it. An agent that hangs is killed; after one that died, a new agent
/// from the same `source` pays what the dead one owed by its journal. `cleaner` owns that agent's link: like
/// `agent` it must outlive the running of `io`. At most a minute and a half.
boost::asio::awaitable<PutBack> put_back(boost::asio::io_context& io, AgentLink& agent, const AgentSource& source,
                                         std::unique_ptr<AgentLink>& cleaner);

}  // namespace troop::controller
