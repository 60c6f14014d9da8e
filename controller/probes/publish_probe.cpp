#include "controller/probes/publish_probe.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace troop::controller {
namespace {

using protocol::Record;
using protocol::RecordKind;

constexpr int worker_shift = 48;

std::uint64_t operation(std::uint16_t worker, const Record& record) {
  return (std::uint64_t{worker} << worker_shift) | (record.op & ((std::uint64_t{1} << worker_shift) - 1));
}

/// Nearest-rank percentile: the least value that `percent` of all reach at most; `sorted` is not empty.
double percentile_seconds(const std::vector<std::int64_t>& sorted, std::size_t percent) {
  const std::size_t rank = (sorted.size() * percent + 99) / 100;  // rounded up, from 1
  return static_cast<double>(sorted[rank - 1]) / 1e9;
}

}  // namespace

void PublishProbe::observe(std::uint16_t worker, const Record& record) {
  switch (record.kind) {
    case RecordKind::publish_invoke:
      outstanding_[operation(worker, record)] = record.intended;
      break;
    case RecordKind::publish_ok:
      outstanding_.erase(operation(worker, record));
      latencies_.push_back(record.time - record.intended);
      break;
    case RecordKind::publish_fail:
    case RecordKind::publish_info:
      outstanding_.erase(operation(worker, record));
      // Without confirms nobody promised an answer: handing the message to the socket is all the success there is.
      if (record.error == protocol::RecordError::unconfirmed) {
        latencies_.push_back(record.time - record.intended);
      } else {
        ++bad_;
      }
      break;
    case RecordKind::connection_restarted:
      // What its predecessor had open will never be answered, and is no sign of the broker.
      std::erase_if(outstanding_, [&](const auto& each) { return each.first >> worker_shift == worker; });
      break;
    default:
      break;
  }
}

Measurement PublishProbe::close_window(std::int64_t now) {
  const auto answered = static_cast<std::int64_t>(latencies_.size());
  std::int64_t overdue = 0;
  for (const auto& [op, intended] : outstanding_) {
    if (now - intended <= wanted_.interval.count()) continue;
    ++overdue;
    latencies_.push_back(now - intended);
  }
  Measurement result;
  if (const std::int64_t all = answered + bad_ + overdue; all > 0) {
    result.values["success"] = static_cast<double>(answered) / static_cast<double>(all);
  }
  if (!latencies_.empty()) {
    std::sort(latencies_.begin(), latencies_.end());
    result.values["p50"] = percentile_seconds(latencies_, 50);
    result.values["p99"] = percentile_seconds(latencies_, 99);
  }
  latencies_.clear();
  bad_ = 0;

  result.good = !result.values.empty();
  if (!result.good) result.why = "nothing was published";
  for (const auto& [name, bound] : wanted_.tolerance) {
    const auto value = result.values.find(name);
    if (value != result.values.end() && bound.admits(value->second)) continue;
    result.good = false;
    if (value != result.values.end()) result.why = fmt::format("{} was {:.4g}", name, value->second);
    if (value == result.values.end() && result.why.empty()) result.why = name + " could not be measured";
  }
  return result;
}

}  // namespace troop::controller
