#include "reports/invariants/faults.hpp"

#include <algorithm>

namespace troop::invariants {
namespace {

bool overlaps(const FaultWindow& window, std::int64_t first, std::int64_t last) {
  return !window.refused && window.begin() <= last && (!window.ended || window.ended.index >= first);
}

}  // namespace

FaultWindow* Faults::latest(const history::Event& event, bool (*wanted)(const FaultWindow&)) {
  for (auto window = windows_.rbegin(); window != windows_.rend(); ++window) {
    if (window->name == event.name && window->target == event.target && wanted(*window)) return &*window;
  }
  return nullptr;
}

void Faults::observe(const history::Event& event, std::int64_t published, std::int64_t outstanding) {
  const Moment now{event.index, event.time, event.has_time};
  if (event.phase == "start") {
    FaultWindow* window = nullptr;
    if (event.type != history::Type::invoke) {
      window = latest(event, [](const FaultWindow& w) { return !w.started && !w.refused && !w.ended; });
    }
    if (window == nullptr) {
      window = &windows_.emplace_back();
      window->name = event.name;
      window->target = event.target;
      window->start_asked = now;
    }
    window->outstanding_at_start = std::max(window->outstanding_at_start, outstanding);
    if (event.type == history::Type::ok) {
      window->started = now;
      window->publishes_at_start = published;
    } else if (event.type == history::Type::fail) {
      window->refused = true;
    }
  } else if (event.phase == "stop") {
    FaultWindow* const window = latest(event, [](const FaultWindow& w) { return !w.refused && !w.ended; });
    if (window == nullptr) return;
    if (event.type == history::Type::invoke) window->stop_asked = now;
    if (event.type == history::Type::ok) {
      window->ended = now;
      latest_end_ = std::max(latest_end_, now.time);
      if (window->started) window->publishes_inside = published - window->publishes_at_start;
    }
  }
  starting_ = std::any_of(windows_.begin(), windows_.end(), [](const FaultWindow& w) { return w.starting(); });
}

void Faults::finish(std::int64_t published) {
  for (auto& window : windows_) {
    if (window.started && !window.ended) window.publishes_inside = published - window.publishes_at_start;
  }
}

bool Faults::overlap(std::int64_t first, std::int64_t last) const {
  return std::any_of(windows_.begin(), windows_.end(), [&](const FaultWindow& w) { return overlaps(w, first, last); });
}

std::vector<std::string> Faults::names(std::int64_t first, std::int64_t last) const {
  std::vector<std::string> found;
  for (const auto& window : windows_) {
    if (overlaps(window, first, last) && std::find(found.begin(), found.end(), window.name) == found.end()) {
      found.push_back(window.name);
    }
  }
  return found;
}

}  // namespace troop::invariants
