#include "reports/formats/load.hpp"

#include <algorithm>
#include <cmath>
#include <string_view>

namespace troop::formats {
namespace {

using history::Subject;
using history::Type;

constexpr std::int64_t ns_per_s = 1'000'000'000;
constexpr std::int64_t seconds_max = 100'000;  // a damaged time must not fill the memory

/// Nearest rank; milliseconds, whole microseconds.
double percentile_ms(std::vector<std::int64_t>& values, double share) {
  const auto rank = static_cast<std::ptrdiff_t>(std::ceil(share * static_cast<double>(values.size()))) - 1;
  const auto place = values.begin() + std::max<std::ptrdiff_t>(rank, 0);
  std::nth_element(values.begin(), place, values.end());
  return std::round(static_cast<double>(*place) / 1000.0) / 1000.0;
}

}  // namespace

SeriesPoint& Load::point(std::int64_t second) {
  if (last_ == points_.end() || last_->first != second) {
    last_ = points_.try_emplace(second).first;
    last_->second.second = second;
  }
  return last_->second;
}

void Load::observe(const history::Event& event) {
  if (event.f != Subject::publish && event.f != Subject::deliver) return;
  if (!event.has_time || event.time < 0 || event.time / ns_per_s >= seconds_max) return;
  const std::int64_t second = event.time / ns_per_s;
  if (event.f == Subject::deliver) {
    if (event.type == Type::ok) arrive(event, second);
  } else if (event.type == Type::invoke) {
    ++point(second).published;
    if (event.attempt > 1) ++point(second).retries;
    // A later attempt does not start the clock again: the first one's intended time is what everybody waited from.
    if (event.attempt > 1) return;
    if (event.intended >= 0) take(waits_, second, event.time - event.intended);
    if (!event.id.empty()) {
      under_way_.try_emplace(std::hash<std::string_view>{}(event.id),
                             event.intended >= 0 ? event.intended : event.time);
    }
  } else if (event.type == Type::ok) {
    ++point(second).confirmed;
  }
}

void Load::arrive(const history::Event& event, std::int64_t second) {
  ++point(second).delivered;
  const auto meant = under_way_.find(std::hash<std::string_view>{}(event.id));
  if (meant == under_way_.end()) return;  // not its first delivery
  take(latencies_, second, event.time - meant->second);
  under_way_.erase(meant);
}

void Load::take(Samples& samples, std::int64_t second, std::int64_t value) {
  if (second > samples.second) {
    close(samples);
    samples.second = second;
  }
  samples.values.push_back(std::max<std::int64_t>(value, 0));
}

void Load::close(Samples& samples) {
  if (samples.values.empty()) return;
  SeriesPoint& open = point(samples.second);
  if (samples.p50 != nullptr) open.*samples.p50 = percentile_ms(samples.values, 0.50);
  open.*samples.p99 = percentile_ms(samples.values, 0.99);
  samples.values.clear();
}

std::vector<SeriesPoint> Load::finish() {
  close(latencies_);
  close(waits_);
  std::vector<SeriesPoint> series;
  for (const auto& [second, counted] : points_) {
    while (!series.empty() && series.back().second + 1 < second) {
      series.push_back({.second = series.back().second + 1, .p50_ms = {}, .p99_ms = {}});
    }
    series.push_back(counted);
  }
  return series;
}

}  // namespace troop::formats
