#include "reports/invariants/faults.hpp"

#include <algorithm>

#include "reports/invariants/clocks.hpp"

namespace troop::invariants {
namespace {

bool surely(const FaultWindow& window, std::int64_t first, std::int64_t last) {
  return !window.refused && window.surely_from <= window.surely_until && window.surely_from <= last &&
         window.surely_until >= first;
}

bool perhaps(const FaultWindow& window, std::int64_t first, std::int64_t last) {
  return !window.refused && window.perhaps_from <= last && window.perhaps_until >= first;
}

}  // namespace

void Faults::set_apart(std::int64_t apart) {
  if (apart <= apart_) return;
  apart_ = apart;
  for (auto& window : windows_) {
    window.surely_from = FaultWindow::never;
    window.perhaps_from = 0;
    window.perhaps_until = FaultWindow::never;
    window.publishes_at_start = -1;
    window.publishes_inside = window.outstanding_at_start = 0;
  }
}

void Faults::pass(const history::Event& event, std::int64_t published) {
  if (!event.has_time) return;
  const auto past = [&](const Moment& moment) {
    return moment && moment.has_time && between(moment.time, event.time) >= apart_;
  };
  for (auto& window : windows_) {
    if (window.surely_from == FaultWindow::never && past(window.start_asked)) window.surely_from = event.index;
    if (window.publishes_at_start < 0 && past(window.started)) window.publishes_at_start = published;
    if (window.perhaps_until == FaultWindow::never && past(window.ended)) window.perhaps_until = event.index - 1;
  }
  if (apart_ >= Clocks::unknown) return;  // nothing is ever that long ago
  marks_.push_back({event.time, event.index, published});
  while (marks_.size() > 1 && between(marks_[1].time, event.time) >= apart_) marks_.pop_front();
}

/// The last event that surely came before `moment`; index -1 where none did.
Faults::Mark Faults::mark_before(const Moment& moment) const {
  Mark found{0, -1, 0};
  for (const auto& mark : marks_) {
    if (moment.has_time && between(mark.time, moment.time) >= apart_) found = mark;
  }
  return found;
}

FaultWindow* Faults::latest(const history::Event& event, bool (*wanted)(const FaultWindow&)) {
  for (auto window = windows_.rbegin(); window != windows_.rend(); ++window) {
    if (window->name == event.name && window->target == event.target && wanted(*window)) return &*window;
  }
  return nullptr;
}

void Faults::see_flight(FaultWindow& window, std::int64_t time, std::int64_t outstanding) {
  if (apart_ == 0) {
    window.outstanding_at_start = std::max(window.outstanding_at_start, outstanding);
  } else if (window.start_asked.has_time && between(window.start_asked.time, time) >= apart_) {
    // It counts only if it was surely before the fault was proven, which is still to come.
    const auto most = std::ranges::find(rises_.rbegin(), rises_.rend(), &window, &Rise::window);
    if (most == rises_.rend() || most->outstanding < outstanding) rises_.push_back({&window, time, outstanding});
  }
}

void Faults::begin(FaultWindow& window, const Moment& now) {
  window.start_asked = now;
  if (apart_ == 0) window.surely_from = window.perhaps_from = now.index;
  if (apart_ > 0) window.perhaps_from = mark_before(now).index + 1;
}

void Faults::prove(FaultWindow& window, const Moment& now, std::int64_t published) {
  window.started = now;
  if (apart_ == 0) window.publishes_at_start = published;
  for (const auto& rise : rises_) {
    if (rise.window != &window || !now.has_time || between(rise.time, now.time) < apart_) continue;
    window.outstanding_at_start = std::max(window.outstanding_at_start, rise.outstanding);
  }
  std::erase_if(rises_, [&](const Rise& rise) { return rise.window == &window; });
}

void Faults::end(FaultWindow& window, const Moment& now, std::int64_t published) {
  window.ended = now;
  latest_end_ = std::max(latest_end_, now.time);
  window.surely_until = window.perhaps_until = now.index;
  if (apart_ > 0) {
    const Mark last = mark_before(now);
    window.surely_until = last.index;
    window.perhaps_until = FaultWindow::never;
    published = last.published;
  }
  if (window.publishes_at_start >= 0) {
    window.publishes_inside = std::max<std::int64_t>(0, published - window.publishes_at_start);
  }
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
      begin(*window, now);
    }
    see_flight(*window, now.time, outstanding);
    if (event.type == history::Type::ok) {
      prove(*window, now, published);
    } else if (event.type == history::Type::fail) {
      window->refused = true;
    }
  } else if (event.phase == "stop") {
    FaultWindow* const window = latest(event, [](const FaultWindow& w) { return !w.refused && !w.ended; });
    if (window == nullptr) return;
    if (event.type == history::Type::invoke) window->stop_asked = now;
    if (event.type == history::Type::ok) end(*window, now, published);
  }
  starting_ = std::any_of(windows_.begin(), windows_.end(), [](const FaultWindow& w) { return w.starting(); });
}

void Faults::finish(std::int64_t published) {
  for (auto& window : windows_) {
    if (window.publishes_at_start >= 0 && !window.ended)
      window.publishes_inside = published - window.publishes_at_start;
  }
}

bool Faults::overlap(std::int64_t first, std::int64_t last) const {
  return std::any_of(windows_.begin(), windows_.end(), [&](const FaultWindow& w) { return surely(w, first, last); });
}

bool Faults::may_overlap(std::int64_t first, std::int64_t last) const {
  return std::any_of(windows_.begin(), windows_.end(), [&](const FaultWindow& w) { return perhaps(w, first, last); });
}

std::vector<std::string> Faults::names(std::int64_t first, std::int64_t last) const {
  std::vector<std::string> found;
  for (const auto& window : windows_) {
    if (surely(window, first, last) && std::find(found.begin(), found.end(), window.name) == found.end()) {
      found.push_back(window.name);
    }
  }
  return found;
}

}  // namespace troop::invariants
