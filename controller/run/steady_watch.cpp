#include "controller/run/steady_watch.hpp"

#include <algorithm>

namespace troop::controller {

SteadyWatch::SteadyWatch(const std::vector<model::SteadyState>& wanted) {
  for (const auto& each : wanted) probes_.push_back({PublishProbe{each}, INT64_MAX, {}});
}

void SteadyWatch::begin(std::int64_t now) {
  for (auto& each : probes_) each.due = now + each.probe.wanted().interval.count();
}

void SteadyWatch::observe(std::uint16_t worker, std::span<const protocol::Record> records) {
  for (auto& each : probes_) {
    for (const auto& record : records) each.probe.observe(worker, record);
  }
}

std::vector<SteadyWatch::Closed> SteadyWatch::close_due(std::int64_t now) {
  std::vector<Closed> closed;
  for (auto& each : probes_) {
    if (now < each.due) continue;
    closed.push_back({each.probe.wanted().probe, each.probe.close_window(now)});
    each.windows.push_back({now, closed.back().measured.good});
    each.due = now + each.probe.wanted().interval.count();
  }
  return closed;
}

bool SteadyWatch::steady() const {
  return std::all_of(probes_.begin(), probes_.end(),
                     [](const Watched& each) { return !each.windows.empty() && each.windows.back().good; });
}

std::optional<std::int64_t> SteadyWatch::steady_after(std::int64_t restored, std::int64_t windows) const {
  std::optional<std::int64_t> latest;
  for (const auto& each : probes_) {
    std::int64_t streak = 0;
    std::int64_t first = 0;
    for (const Window& window : each.windows) {
      if (window.end <= restored) continue;
      streak = window.good ? streak + 1 : 0;
      if (streak == 1) first = window.end;
      if (streak == windows) break;
    }
    if (streak < windows) return std::nullopt;
    latest = std::max(latest.value_or(first), first);
  }
  return latest;
}

Duration SteadyWatch::timeout() const {
  Duration longest{0};
  for (const auto& each : probes_) longest = std::max(longest, each.probe.wanted().timeout);
  return longest;
}

Duration SteadyWatch::interval() const {
  Duration longest{0};
  for (const auto& each : probes_) longest = std::max(longest, each.probe.wanted().interval);
  return longest;
}

}  // namespace troop::controller
