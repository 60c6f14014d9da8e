// One run, from the first request to the agent to the finished document.
//
//   start broker → start workers → steady state → experiment (steps) → recovery → finish producers → drain → stop
//
// Only the agent changes the world; this decides, waits, writes down. Whatever goes wrong or whoever interrupts, the
// last thing is to have the agent put everything back, and then to judge what evidence there is.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controller/fleet/fleet.hpp"
#include "controller/plan/plan.hpp"
#include "controller/run/evidence.hpp"
#include "controller/run/progress.hpp"
#include "controller/run/recorder.hpp"
#include "controller/run/steady_watch.hpp"
#include "reports/formats/run_document.hpp"
#include "scenarios/model/scenario.hpp"

namespace troop::controller {

struct RunRequest {
  model::Scenario scenario;
  Plan plan;
  std::filesystem::path directory;           ///< Exists and is empty: the run directory.
  std::filesystem::path agent;               ///< The program `troop-agent`.
  std::filesystem::path agent_service = {};  ///< The socket of one that runs as a service; empty: one is started.
  bool is_control = false;                   ///< The scenario's faults were taken out.
  std::filesystem::path control;             ///< The history of the same run without its faults; empty: there was none.
  bool rehearse = false;                     ///< Ask the agent whether it could, start nothing (--dry-run).
};

class Experiment {
 public:
  /// `request` and `progress` outlive it, and it outlives the running of `io`.
  Experiment(boost::asio::io_context& io, const RunRequest& request, Progress& progress);

  /// Runs it to its end; fills document(). Blocks the strand only for writing the history.
  boost::asio::awaitable<void> run();
  /// Ends it early, for a signal; everything is undone and reported all the same. A second call changes nothing.
  void interrupt(int signal_number);

  /// After run(): all but verdict, series, stories and what the caller knows better (scenario text, versions).
  [[nodiscard]] formats::RunDocument& document() { return document_; }
  /// After run(): why nothing was touched, if nothing was (exit 2).
  [[nodiscard]] const std::optional<Error>& refusal() const { return refusal_; }
  /// After run(): something is not as it was before (exit 4).
  [[nodiscard]] bool unrestored() const { return unrestored_; }
  [[nodiscard]] int signal_number() const { return signal_; }
  /// After run(): what the broker logged, as far as the agent lived to say so.
  [[nodiscard]] const Logs& logs() const { return logs_; }

 private:
  boost::asio::awaitable<Result<void>> conduct();
  boost::asio::awaitable<Result<void>> prepare();
  boost::asio::awaitable<Result<void>> start_parts();
  boost::asio::awaitable<Result<void>> reach_steady_state();
  boost::asio::awaitable<Result<void>> play_steps();
  boost::asio::awaitable<Result<void>> await_recovery();
  boost::asio::awaitable<Result<void>> end_load();
  boost::asio::awaitable<void> play_step(std::size_t index, std::int64_t zero);
  boost::asio::awaitable<void> end_agents();
  boost::asio::awaitable<Result<boost::json::object>> ask(std::string_view name, boost::json::object fields,
                                                          Duration timeout);
  /// One turn of waiting: time passes, windows close, the history grows. An error if the run has to end.
  boost::asio::awaitable<Result<void>> turn(std::optional<std::int64_t> until);

  void begin_phase(const std::string& name);
  void end_phase();
  void close_windows();
  void take_records(const protocol::RecordBatch& batch);
  void take_event(const std::string& process, const boost::json::object& event);
  void write_history(std::int64_t watermark);
  void record_start(const boost::json::object& broker);
  void record_clocks();
  void record(std::string f, history::Type type, boost::json::object fields);
  void fail(Error error, const std::string& ended_by);
  /// A reply that must carry `what` = true, or the run ends without a proven drain.
  Result<void> demand_proof(const boost::json::object& reply, std::string_view what);
  /// Since the run began.
  [[nodiscard]] Duration since_began(std::int64_t monotonic) const { return Duration{monotonic - began_}; }

  boost::asio::io_context& io_;
  const RunRequest& request_;
  Progress& progress_;
  std::int64_t began_ = 0;
  std::optional<Fleet> fleet_;
  std::optional<Recorder> recorder_;
  SteadyWatch steady_;
  std::vector<std::string> workers_;  ///< By record-frame index.
  bool running_ = true;               ///< Until it is time to put everything back.
  bool agent_lost_ = false;           ///< The evidence ends at complete_until_.
  std::int64_t complete_until_ = 0;   ///< Nothing older is still to come; monotonic.
  int steps_under_way_ = 0;
  int signal_ = 0;
  bool unrestored_ = false;
  std::optional<Error> failure_;  ///< The first reason to end early.
  std::optional<Error> refusal_;
  std::optional<std::int64_t> last_told_;  ///< When the latest proof of a fault's end arrived, monotonic.
  Logs logs_;
  formats::RunDocument document_;
};

}  // namespace troop::controller
