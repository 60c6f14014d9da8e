// From evidence to history: merges what the agent's workers, the agent and the controller say by time, and writes it.
//
//   records, events ──► pending ──(watermark: nothing older will come)──► sorted by time ──► history.ndjson
//
// Two threads of one worker never race, but a worker may be suspended between reading the clock and recording; what
// then comes late is written with the time of the line before it, so that `time` never falls.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <filesystem>
#include <string>
#include <variant>
#include <vector>

#include "agents/protocol/frame.hpp"
#include "common/error.hpp"
#include "reports/history/writer.hpp"
#include "scenarios/model/topology.hpp"

namespace troop::controller {

/// An event that is no worker's: its fields as they go into the line.
struct OtherEvent {
  std::string process;
  history::Type type = history::Type::info;
  std::string f;
  boost::json::object fields;
};

struct Counts {
  std::int64_t published = 0;  ///< Attempts invoked.
  std::int64_t confirmed = 0;
  std::int64_t failed = 0;
  std::int64_t indeterminate = 0;
  std::int64_t delivered = 0;
  std::int64_t acknowledged = 0;
  std::int64_t longest_wait = 0;  ///< From a message's intended time until a producer took it; nanoseconds.
};

class Recorder {
 public:
  /// Starts `directory`/history.ndjson; `began` (CLOCK_MONOTONIC, ns) is time zero. Errors: usage.
  static Result<Recorder> open(const std::filesystem::path& directory, std::int64_t began);

  /// Names of the workers by record-frame index, and where messages go; before the first records.
  void set_names(std::vector<std::string> workers, model::Topology topology);

  void add(const protocol::RecordBatch& batch);
  void add(std::int64_t monotonic, OtherEvent event);
  /// Writes everything older than `monotonic` and hands it to the kernel. Errors: lost (the disk is full or broken).
  Result<void> write_until(std::int64_t monotonic);
  /// Drops the workers' records from `monotonic` on: where the agent was lost, some of them are missing, and half of
  /// the evidence accuses (a delivery without its publish).
  void drop_records_from(std::int64_t monotonic);
  /// Writes all that is left. Errors: lost.
  Result<void> finish();

  [[nodiscard]] const Counts& counts() const { return counts_; }
  [[nodiscard]] std::int64_t began() const { return began_; }

 private:
  struct Pending {
    std::int64_t time = 0;
    std::uint64_t arrival = 0;
    std::uint16_t worker = 0;
    std::variant<protocol::Record, OtherEvent> what;
  };

  Recorder(history::Writer writer, std::int64_t began) : writer_(std::move(writer)), began_(began) {}
  void count(const protocol::Record& record);
  Result<void> write(const Pending& pending);
  Result<void> write_record(std::uint16_t worker, const protocol::Record& record, std::int64_t time);

  history::Writer writer_;
  std::int64_t began_ = 0;
  std::int64_t last_time_ = 0;
  std::uint64_t arrivals_ = 0;
  std::vector<std::string> workers_;
  model::Topology topology_;
  std::vector<Pending> pending_;
  Counts counts_;
};

}  // namespace troop::controller
