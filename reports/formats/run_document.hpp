// Everything about one run, as plain data: whoever runs an experiment fills it, each format prints it, `run.json`
// stores it. Times are counted from the moment the run began, as in the history.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/clock.hpp"
#include "reports/invariants/verdict.hpp"

namespace troop::formats {

/// One part of the run, such as "start broker" or "experiment". Without an end: the run ended inside it.
struct Phase {
  std::string name;
  Duration start{0};
  std::optional<Duration> end;
};

/// What became of one step of the scenario. A time that is missing did not happen.
struct FaultRecord {
  std::int64_t step = 0;                  ///< Position in the scenario, from 1.
  std::string name;                       ///< "broker.kill"
  std::string target;                     ///< As the scenario says it: "consumer".
  std::string victim;                     ///< As it was resolved: "consumer-2".
  std::int64_t victim_pid = 0;            ///< Its process when the fault was applied; 0: not known.
  std::string back_end;                   ///< How it was done: "SIGKILL to the broker's process".
  std::optional<Duration> asked;          ///< The agent was asked to apply it.
  std::optional<Duration> effective;      ///< Its effect was measured.
  std::optional<Duration> undo_asked;     ///< The agent was asked to undo it.
  std::optional<Duration> restored;       ///< The part was proven ready again: the fault's proven end.
  std::optional<Duration> steady;         ///< The first of the consecutive good windows after that.
  std::string proof;                      ///< What was measured: "port 5672 refused after 41 ms".
  std::string restored_proof;             ///< Likewise for the way back: "AMQP header answered".
  std::vector<std::string> irreversible;  ///< What undo could not take back, as declared by the plan.
  std::string outcome;                    ///< "proven", "not proven", "refused", "not restored", "skipped" …
  std::string detail;                     ///< Why, where the outcome needs it. May be empty.
};

/// One second of the load. Without latencies: nothing was delivered for the first time in it.
struct SeriesPoint {
  std::int64_t second = 0;     ///< Since the run began; the point covers [second, second + 1).
  std::int64_t published = 0;  ///< Attempts that began.
  std::int64_t confirmed = 0;
  std::int64_t delivered = 0;    ///< Every delivery, repeated ones included.
  std::optional<double> p50_ms;  ///< End to end, from the intended time, of first deliveries in this second.
  std::optional<double> p99_ms;
  std::int64_t retries = 0;  ///< Attempts that began and were not the first of their message; in `published` as well.
  /// The fewest of the workers' connections that were open at one time within it. None: the history tells of none.
  std::optional<std::int64_t> connections = {};
  std::optional<std::int64_t> blocked = {};  ///< The most that the broker held back at one time; likewise.
  /// From when a message was meant to be sent until its producer took it, of those it took in this second: how long the
  /// callers of a publish that blocks were held up.
  std::optional<double> wait_p99_ms = {};
};

/// What waited in one queue at the end of each second of the series, computed from the history (depths.hpp).
struct QueueDepth {
  std::string queue;
  std::vector<std::int64_t> depth;  ///< One for each point of the series.
};

/// One line of a log; one without a level says that lines are left out here.
struct LogLine {
  Duration at{0};
  std::string level;  ///< "info", "warning", "error" ...
  std::string text;   ///< Without control characters and credentials.
};

/// What a log said around one fault.
struct LogExcerpt {
  std::int64_t step = 0;  ///< Of the fault.
  std::string log;        ///< Where it was taken from: "evidence/broker.log".
  Duration from{0};
  Duration to{0};
  std::vector<LogLine> lines;  ///< In order, few.
};

struct StoryLine {
  Duration at{0};
  std::string text;      ///< "producer-1 publishes p1-17 (attempt 1)"
  bool witness = false;  ///< One of the anomaly's witnesses.
};

/// What happened to the message of one listed anomaly, in order.
struct Story {
  std::int64_t invariant = 0;  ///< Index into `judged.invariants`.
  std::int64_t anomaly = 0;    ///< Index into that invariant's `anomalies`.
  std::vector<StoryLine> lines;
};

struct RunDocument {
  std::string id;  ///< Unique; also the run directory's name.
  std::string tool_version;

  std::string scenario_name;
  std::string scenario_title;
  std::string hypothesis;
  std::vector<std::string> tags;
  std::string scenario_path;           ///< As given on the command line.
  std::string scenario_text;           ///< As read, comments included.
  std::vector<std::string> overrides;  ///< "workload.rate=500", as given.
  std::uint64_t seed = 0;

  std::int64_t started_wall_ns = 0;  ///< Since 1970, UTC.
  Duration length{0};                ///< From the run's begin to its end.

  std::string host_name;
  std::string host_kernel;  ///< "Linux 6.1.0-18-amd64 x86_64"
  std::int64_t host_cpus = 0;
  std::string broker_kind;  ///< "rabbitmq"
  std::string broker_version;
  std::int64_t broker_port = 0;                               ///< 0: not known, as when it never started.
  std::vector<std::pair<std::string, std::string>> versions;  ///< {"rabbitmq-c", "0.11.0"} …

  std::string ended_by = "completed";  ///< Or "interrupted (SIGINT)", "steady-state-not-reached", "agent-lost" …
  int exit_code = 3;                   ///< As documented for every command.
  std::vector<Phase> phases;           ///< In order; a phase never reached is not listed.
  std::vector<FaultRecord> faults;     ///< In the order of the steps.
  std::vector<std::pair<std::string, std::int64_t>> counts;  ///< {"published", 40000}, {"confirmed", 39998} …
  std::vector<std::string> problems;  ///< What went wrong besides violations, for people; whole sentences.

  invariants::Judged judged;
  std::vector<SeriesPoint> series;   ///< Seconds ascending, without gaps.
  std::vector<QueueDepth> depths;    ///< Few.
  std::vector<LogExcerpt> excerpts;  ///< In the order of the faults; none where no log was kept.
  std::vector<Story> stories;
};

}  // namespace troop::formats
