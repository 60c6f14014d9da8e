#include "agents/workers/schedule.hpp"

#include <algorithm>
#include <cmath>

namespace troop::agents {

void OpenLoopSchedule::add(std::int64_t from_ns, double rate, double slope) {
  const Piece& last = pieces_.back();
  const double seconds = seconds_between(last.from_ns, from_ns);
  pieces_.push_back({from_ns, rate, slope, last.before + (last.rate + last.slope * seconds / 2) * seconds});
}

void OpenLoopSchedule::follow(const std::vector<model::RateChange>& changes, double share, std::int64_t began_ns) {
  for (const auto& change : changes) {
    // A start behind the first change: what should have changed before there was any load has changed.
    const std::int64_t from = std::max(began_ns + change.at.count(), pieces_.back().from_ns);
    const double before = pieces_.back().rate, after = change.rate * share;
    if (change.over.count() > 0) {
      add(from, before, (after - before) / (static_cast<double>(change.over.count()) * 1e-9));
    }
    add(from + change.over.count(), after, 0);
  }
}

std::int64_t OpenLoopSchedule::due_ns() const {
  const double wanted = static_cast<double>(k_) + phase_;
  std::size_t at = piece_;
  while (at + 1 < pieces_.size() && pieces_[at + 1].before <= wanted) ++at;
  const Piece& piece = pieces_[at];
  const double missing = std::max(0.0, wanted - piece.before);
  double seconds = 0;
  if (piece.slope != 0) {
    // The positive root of slope/2 t² + rate t = missing, written so that small slopes lose no digits.
    const double root = std::sqrt(std::max(0.0, piece.rate * piece.rate + 2 * piece.slope * missing));
    seconds = piece.rate + root > 0 ? 2 * missing / (piece.rate + root) : 0;
  } else if (piece.rate > 0) {
    seconds = missing / piece.rate;
  } else {
    return never;
  }
  return piece.from_ns + static_cast<std::int64_t>(seconds * 1e9);
}

void OpenLoopSchedule::advance() {
  ++k_;
  const double wanted = static_cast<double>(k_) + phase_;
  while (piece_ + 1 < pieces_.size() && pieces_[piece_ + 1].before <= wanted) ++piece_;
}

}  // namespace troop::agents
