#include "reports/formats/connections.hpp"

#include <algorithm>
#include <optional>

namespace troop::formats {
namespace {

using history::Event;
using history::Subject;
using history::Type;

constexpr std::int64_t ns_per_s = 1'000'000'000;

}  // namespace

void Connections::observe(const Event& event) {
  if (!event.has_time || event.time < 0) return;
  const std::int64_t second = event.time / ns_per_s;
  if (event.f == Subject::fault) {
    // A killed worker says nothing more: what is known of its connection is known from the fault.
    const bool killed = event.name == "process.kill" && event.phase == "start" && event.type == Type::ok;
    if (killed && states_.contains(event.target)) change(event.target, State::down, second);
    return;
  }
  if (event.f != Subject::connection) return;
  if (event.value == "\"up\"" || event.value == "\"unblocked\"") change(event.process, State::open, second);
  if (event.value == "\"blocked\"") change(event.process, State::blocked, second);
  // A worker whose channel was closed opens a new connection, as does one that follows a dead one.
  if (event.value == "\"lost\"" || event.value == "\"channel-closed\"" || event.value == "\"restarted\"") {
    change(event.process, State::down, second);
  }
}

void Connections::change(std::string_view process, State state, std::int64_t second) {
  auto known = states_.find(process);
  const bool first = known == states_.end();
  if (first) known = states_.emplace(process, State::down).first;
  if (known->second == state && !first) return;
  const State before = known->second;
  known->second = state;

  const auto [place, fresh] = seconds_.try_emplace(second, Second{open_, blocked_, open_, blocked_});
  Second& now = place->second;
  open_ += static_cast<int>(state != State::down) - static_cast<int>(before != State::down);
  blocked_ += static_cast<int>(state == State::blocked) - static_cast<int>(before == State::blocked);
  // A worker that has just been started was not missing before.
  if (first && state != State::down) ++now.fewest_open;
  now.fewest_open = std::min(now.fewest_open, open_);
  now.most_blocked = std::max(now.most_blocked, blocked_);
  now.open_after = open_;
  now.blocked_after = blocked_;
}

void Connections::finish(std::vector<SeriesPoint>& series) {
  if (seconds_.empty()) return;
  std::int64_t open = 0;
  std::int64_t blocked = 0;
  auto next = seconds_.begin();
  for (auto& point : series) {
    for (; next != seconds_.end() && next->first < point.second; ++next) {
      open = next->second.open_after;
      blocked = next->second.blocked_after;
    }
    const bool changed = next != seconds_.end() && next->first == point.second;
    point.connections = changed ? next->second.fewest_open : open;
    point.blocked = changed ? next->second.most_blocked : blocked;
  }
}

}  // namespace troop::formats
