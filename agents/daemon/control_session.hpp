// One conversation with one controller: its requests, the faults in force, the evidence that flows back.
//
// Whatever ends the conversation (a `stop` request, the controller's death, a lapsed lease, a signal, a veto), end()
// puts everything back, in this order: faults that do not end with our parts, workers, broker, what they left behind,
// workspace, journal.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agents/daemon/run_parts.hpp"
#include "agents/fault.hpp"
#include "agents/protocol/channel.hpp"
#include "agents/protocol/messages.hpp"
#include "agents/undo_journal.hpp"

namespace troop::agents {

/// Counts a coroutine that must have ended before the parts may go.
class InOperation {
 public:
  explicit InOperation(int& count) : count_(count) { ++count_; }
  InOperation(const InOperation&) = delete;
  InOperation& operator=(const InOperation&) = delete;
  ~InOperation() { --count_; }

 private:
  int& count_;
};

class ControlSession {
 public:
  /// `unpaid`: what dead agents of this host still owe and could not be paid; the controller is told. `controller`: its
  /// process, at the other end of the channel.
  ControlSession(asio::io_context& io, std::shared_ptr<protocol::Channel> channel, UndoJournal& journal,
                 std::vector<std::string> unpaid, pid_t controller);

  /// Serves until the conversation ends, then puts everything back. Returns what could not be put back.
  asio::awaitable<std::vector<std::string>> serve();
  /// Ends the conversation from outside, as a signal does. serve() then puts everything back.
  void interrupt(std::string reason);

 private:
  /// A step that has been planned.
  struct Step {
    protocol::StepOrder order;
    const Fault* fault = nullptr;
    UndoRecord undo;
    std::optional<std::int64_t> record;  ///< In the journal: from before apply until revert is proven.
    bool busy = false;                   ///< apply or revert is under way.
    std::int64_t due = 0;                ///< When its time is over and another lease has passed; 0: it has no end.
    bool unrestored = false;             ///< The last try to revert it failed.
    bool proven = false;                 ///< It took effect, and nobody has begun to revert it.
  };

  asio::awaitable<void> answer(boost::json::object request);
  asio::awaitable<Result<boost::json::object>> perform(const boost::json::object& request);
  /// The same, with what a library throws as an error.
  asio::awaitable<Result<boost::json::object>> perform_safely(const boost::json::object& request);
  Result<boost::json::object> hello(const boost::json::object& request);
  Result<boost::json::object> renew();
  Result<boost::json::object> make_hosts(const boost::json::object& request);
  asio::awaitable<Result<boost::json::object>> prepare(const boost::json::object& request);
  asio::awaitable<Result<boost::json::object>> start_broker();
  asio::awaitable<Result<boost::json::object>> start_workers(const boost::json::object& request);
  asio::awaitable<Result<boost::json::object>> apply(const boost::json::object& request);
  asio::awaitable<Result<boost::json::object>> revert(const boost::json::object& request);
  /// Somebody else has not ended it meanwhile. Errors: lost.
  asio::awaitable<Result<void>> is_in_force(Step& step);
  asio::awaitable<Result<boost::json::object>> finish_producers(const boost::json::object& request);
  asio::awaitable<Result<boost::json::object>> drain(const boost::json::object& request);
  asio::awaitable<Result<boost::json::object>> stop();

  Result<Step*> find_step(const boost::json::object& request);
  asio::awaitable<void> pump_records();
  void send_records();
  /// Hands a log to the controller, or to the run directory where the controller is gone.
  void keep(const KeptLog& log);
  asio::awaitable<void> watch_parts();
  asio::awaitable<void> watch_lease();
  /// Ends faults whose time is over, where a controller that renews its lease has forgotten them.
  void end_overdue();
  asio::awaitable<void> end_step(std::int64_t number);
  /// The record of a step, with what people want to know of it: until when, for which run.
  [[nodiscard]] UndoRecord signed_record(const Step& step) const;
  /// Whoever listens hears why; whoever hangs is not waited for.
  asio::awaitable<void> close_channel();
  void notify_event(std::string_view type, std::string_view f, std::int64_t time, boost::json::object fields);
  void notify_fault(const Step& step, std::string_view phase, std::string_view type, std::int64_t time,
                    std::string_view error = {});
  asio::awaitable<std::vector<std::string>> put_back();
  /// A broker that others run outlives the run, and so does a host: what is in force on them does not end with our
  /// parts.
  asio::awaitable<void> revert_what_stays(std::vector<std::string>& problems);

  asio::io_context& io_;
  std::shared_ptr<protocol::Channel> channel_;
  UndoJournal& journal_;
  std::vector<std::string> unpaid_;
  pid_t controller_;
  Network network_;  ///< Empty: all parts are where this agent is.
  std::unique_ptr<RunParts> parts_;
  std::map<std::int64_t, Step> steps_;
  std::string run_directory_;
  std::int64_t last_renewal_ = 0;
  std::int64_t last_held_ = 0;  ///< When what is held was renewed.
  int operations_ = 0;          ///< Coroutines that use parts_: it must outlive them.
  bool ended_ = false;
  bool put_back_ = false;
};

}  // namespace troop::agents
