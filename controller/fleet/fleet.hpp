// The agents of a run: one that has all its parts, and one on every other host of the scenario.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "agents/protocol/messages.hpp"
#include "controller/fleet/agent_link.hpp"
#include "controller/fleet/put_back.hpp"
#include "scenarios/model/scenario.hpp"

namespace troop::controller {

class Fleet {
 public:
  struct Listener {
    std::function<void(const protocol::RecordBatch&)> records = [](const auto&) {};
    /// Nothing older is still to come, from no agent.
    std::function<void(std::int64_t)> watermark = [](std::int64_t) {};
    /// `process`: the agent's name in the history.
    std::function<void(const std::string& process, const boost::json::object&)> event = [](const auto&, const auto&) {};
    std::function<void(const std::string& part, const std::string& detail)> died = [](const auto&, const auto&) {};
    std::function<void(std::string_view name, std::string_view bytes)> log = [](auto, auto) {};
    /// An agent is gone, or did not answer within its lease, or could not keep a fault in force.
    std::function<void(const Error&)> failed = [](const auto&) {};
  };

  /// For requests that do no work. Longer than the lease: an agent that hangs is lost before a request to it is late.
  static constexpr Duration answer_max = protocol::lease + std::chrono::seconds{5};

  /// It outlives the running of `io`.
  Fleet(boost::asio::io_context& io, AgentSource source, Listener listener);

  /// Starts the agents, makes the hosts, and begins to renew the agents' leases. Returns what the first agent says of
  /// this machine. Errors: usage, lost, timeout.
  boost::asio::awaitable<Result<boost::json::object>> start(const model::Scenario& scenario);
  /// Has every agent plan its own steps. One refusal is everybody's. Errors: what the agent says.
  boost::asio::awaitable<Result<void>> prepare(const model::Scenario& scenario,
                                               const std::vector<protocol::StepOrder>& steps);

  /// The agent that has the parts; after start().
  [[nodiscard]] AgentLink& main() { return *agents_.front()->link; }
  /// Whoever acts on `target`: a host's own agent, for everything else the main one.
  [[nodiscard]] AgentLink& of(std::string_view target);
  /// The agents' names in the history.
  [[nodiscard]] std::vector<std::string> names() const;
  /// As they were made; empty where the scenario has none.
  [[nodiscard]] const std::vector<protocol::HostPlace>& hosts() const { return hosts_; }
  /// Ends the waiting of every request under way; see AgentLink::abandon().
  void abandon();
  /// Has every agent put everything back, and ends it. The hosts first: they are between the parts.
  boost::asio::awaitable<PutBack> put_back();

 private:
  struct Agent {
    std::string host;
    std::unique_ptr<AgentLink> link;
    std::unique_ptr<AgentLink> cleaner;  ///< Comes after an agent that died; see put_back().
    std::int64_t watermark = 0;
  };

  Result<Agent*> add(const std::string& host, const std::string& netns);
  boost::asio::awaitable<Result<void>> make_hosts(const std::vector<model::Host>& wanted, const std::string& own,
                                                  const std::string& environment);
  boost::asio::awaitable<void> renew_lease(Agent& agent);
  void pass_watermark(Agent& agent, std::int64_t time);
  /// For people.
  static std::string title(const Agent& agent);
  /// "agent-local", or after its host.
  [[nodiscard]] std::string name_of(const Agent& agent) const;
  [[nodiscard]] boost::json::array others(const Agent& agent) const;

  boost::asio::io_context& io_;
  AgentSource source_;
  Listener listener_;
  std::vector<std::unique_ptr<Agent>> agents_;
  std::vector<protocol::HostPlace> hosts_;
  bool ending_ = false;  ///< Agents end one after the other.
  bool ended_ = false;
};

}  // namespace troop::controller
