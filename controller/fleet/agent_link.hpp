// One agent: started as a child, asked, listened to.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json.hpp>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "agents/protocol/channel.hpp"
#include "common/clock.hpp"
#include "common/error.hpp"

namespace troop::controller {

/// Where `troop-agent` is: $TROOP_AGENT, else beside this program. Errors: usage.
Result<std::filesystem::path> find_agent();

/// Where agents come from: a program that is started for the run, or a service of this machine that is there already.
struct AgentSource {
  std::filesystem::path program;  ///< `troop-agent`.
  std::filesystem::path log;      ///< Takes what the program complains about; its folder is the run directory.
  std::filesystem::path service;  ///< The socket of a `troop-agent run`; empty: the program is started.
};

class AgentLink {
 public:
  struct Listener {
    std::function<void(const protocol::RecordBatch&)> records = [](const auto&) {};
    std::function<void(std::int64_t)> watermark = [](std::int64_t) {};
    /// A line of the history, see agents/protocol/messages.hpp.
    std::function<void(const boost::json::object&)> event = [](const auto&) {};
    std::function<void(const std::string& part, const std::string& detail)> died = [](const auto&, const auto&) {};
    /// The next bytes of a log of that name; only once the agent was asked to stop.
    std::function<void(std::string_view name, std::string_view bytes)> log = [](auto, auto) {};
    /// Once, if the agent goes before finish().
    std::function<void(const std::string& reason)> lost = [](const auto&) {};
  };

  /// Starts the agent in a session of its own (the terminal's Ctrl-C is not for it) with its complaints in `log`.
  /// `netns`: the network namespace that it moves to; empty: ours. Errors: usage.
  static Result<std::unique_ptr<AgentLink>> start(boost::asio::io_context& io, const std::filesystem::path& agent,
                                                  const std::filesystem::path& log, Listener listener,
                                                  const std::string& netns = {});
  /// An agent of the service that listens on `socket`. Errors: usage, where nobody listens, or not one whom this user
  /// may trust: root, or this user.
  static Result<std::unique_ptr<AgentLink>> connect(boost::asio::io_context& io, const std::filesystem::path& socket,
                                                    Listener listener);
  /// The one or the other. `netns` is for a program only.
  static Result<std::unique_ptr<AgentLink>> open(boost::asio::io_context& io, const AgentSource& source,
                                                 Listener listener, const std::string& netns = {});
  AgentLink(const AgentLink&) = delete;
  AgentLink& operator=(const AgentLink&) = delete;
  /// An agent that still runs then reverts by itself: its socket closes.
  ~AgentLink();

  /// Asks and waits for the reply. Errors: what the agent says; lost when it goes; timeout; cancelled by abandon().
  boost::asio::awaitable<Result<boost::json::object>> request(std::string_view name, boost::json::object fields,
                                                              Duration timeout);
  /// The first request of every conversation, for a run in `directory`. The reply tells of the host, and under `unpaid`
  /// what dead agents of this host still owe and this one could not pay. Errors: as request(); usage where the agent's
  /// times are of another clock than ours.
  boost::asio::awaitable<Result<boost::json::object>> greet(const std::filesystem::path& directory);
  /// Ends the waiting of every request under way, with an error of kind cancelled. The agent goes on with them.
  void abandon();
  /// No more requests: waits until the agent has ended by itself, at most `timeout`. Its exit code; nothing if it
  /// hangs.
  boost::asio::awaitable<std::optional<int>> finish(Duration timeout);
  [[nodiscard]] bool lost() const { return lost_; }
  /// A request ran into its timeout, and nothing has been heard since.
  [[nodiscard]] bool silent() const { return silent_; }
  /// -1: not ours to end.
  [[nodiscard]] int pid() const { return pid_; }
  /// After finish(), whatever it found: nothing more is waited for.
  void close();
  /// For one that hangs. Of a service, its guardian does that.
  void kill();

 private:
  struct Pending {
    std::shared_ptr<boost::asio::steady_timer> done;
    std::optional<Result<boost::json::object>> result;
  };

  AgentLink(boost::asio::io_context& io, Listener listener) : io_(io), listener_(std::move(listener)) {}
  boost::asio::awaitable<void> listen();
  void take(const protocol::OwnedFrame& frame);
  void take_message(boost::json::object message);
  void take_ending(const boost::json::object& message);
  void lose(const std::string& reason);

  boost::asio::io_context& io_;
  Listener listener_;
  std::shared_ptr<protocol::Channel> channel_;
  int pid_ = -1;
  /// How a service's agent ended, once the service has said so. Outlives this object.
  struct Ending {
    bool forgotten = false;  ///< This object is gone.
    std::optional<int> exit_code;
  };
  std::shared_ptr<Ending> ending_ = std::make_shared<Ending>();
  bool reaped_ = false;
  bool lost_ = false;
  bool silent_ = false;
  bool finishing_ = false;
  std::string reason_;
  std::int64_t next_id_ = 1;
  std::map<std::int64_t, std::shared_ptr<Pending>> pending_;
};

}  // namespace troop::controller
