// Counts a history's load second by second.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include "reports/formats/run_document.hpp"
#include "reports/history/event.hpp"

namespace troop::formats {

class Load {
 public:
  void observe(const history::Event& event);
  /// Call once, after the last event.
  std::vector<SeriesPoint> finish();

 private:
  SeriesPoint& point(std::int64_t second);
  void arrive(const history::Event& event, std::int64_t second);

  /// The samples of one second, nanoseconds.
  struct Samples {
    std::optional<double> SeriesPoint::*p50;  ///< Where they go when the second is over; null: nowhere.
    std::optional<double> SeriesPoint::*p99;
    std::int64_t second = -1;
    std::vector<std::int64_t> values = {};
  };
  void take(Samples& samples, std::int64_t second, std::int64_t value);
  void close(Samples& samples);

  std::map<std::int64_t, SeriesPoint> points_;
  std::map<std::int64_t, SeriesPoint>::iterator last_ = points_.end();
  /// Hash of a message under way → when it was meant to be sent. Two ids with one hash of 64 bits cost one sample.
  std::unordered_map<std::uint64_t, std::int64_t> under_way_;
  Samples latencies_{&SeriesPoint::p50_ms, &SeriesPoint::p99_ms};  ///< End to end.
  Samples waits_{nullptr, &SeriesPoint::wait_p99_ms};              ///< Of the callers.
};

}  // namespace troop::formats
