// After each fault the steady state comes back in time: the first of N good windows in a row, counted from the moment
// the fault was proven over. What the undo itself took (a broker's boot, say) is reported apart. Where the clocks of
// the processes are apart, a time that passes or breaks the limit by less than that is neither.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "reports/invariants/findings.hpp"
#include "reports/invariants/invariant.hpp"

namespace troop::invariants {
namespace {

using history::Type;

struct Window {
  Moment at;
  std::size_t stream;  ///< Which probe, on which target.
  Type type;           ///< ok: good, fail: bad, info: nobody knows.
};

/// A row of good windows of one probe.
struct Streak {
  std::int64_t length = 0;
  std::int64_t begin = 0;  ///< Time of its first window.
  std::int64_t last = 0;   ///< Time of the probe's last window of any kind.
  bool any = false;        ///< Whether the probe had a window at all.
};

std::int64_t milliseconds(std::int64_t nanoseconds) { return nanoseconds / 1'000'000; }

class RecoveryInvariant final : public Invariant {
 public:
  RecoveryInvariant(Duration within, std::int64_t windows, std::vector<std::string> expect)
      : within_(within.count()), needed_(windows), expect_(std::move(expect)) {}

  void observe(const history::Event& event, const Delivery&, Evidence& evidence) override;
  Judgement conclude(const Evidence& evidence, bool complete) override;

 private:
  struct Steady {
    std::int64_t time;   ///< Of the first good window.
    std::int64_t index;  ///< Of the event that completed the row.
  };
  [[nodiscard]] std::optional<Steady> first_steady(const Moment& from, std::int64_t apart) const;
  [[nodiscard]] bool may_be_steady(const Moment& from, std::int64_t limit) const;
  void judge(const FaultWindow& fault, const Faults& faults, Findings& findings, Judgement& judgement);

  std::int64_t within_;
  std::int64_t needed_;
  std::vector<std::string> expect_;
  std::vector<Symbol> streams_;
  std::vector<Window> windows_;
  std::int64_t faults_ = 0, recovered_ = 0, recovery_ms_max_ = 0, undo_ms_max_ = 0;
};

void RecoveryInvariant::observe(const history::Event& event, const Delivery&, Evidence& evidence) {
  if (event.f != history::Subject::probe || event.type == Type::invoke || !event.has_time) return;
  std::string name{event.name};
  name.append(1, '\0').append(event.target);
  const Symbol symbol = evidence.ledger.name(name);
  const auto known = std::find(streams_.begin(), streams_.end(), symbol);
  const auto stream = static_cast<std::size_t>(known - streams_.begin());
  if (known == streams_.end()) streams_.push_back(symbol);
  windows_.push_back({{event.index, event.time, true}, stream, event.type});
}

/// When every probe was good N times in a row for the first time surely after `from`: the latest of the rows'
/// beginnings.
std::optional<RecoveryInvariant::Steady> RecoveryInvariant::first_steady(const Moment& from, std::int64_t apart) const {
  std::vector<Streak> streaks(streams_.size());
  for (const auto& window : windows_) {
    if (window.at.index < from.index || (apart > 0 && between(from.time, window.at.time) < apart)) continue;
    Streak& streak = streaks[window.stream];
    if (window.type != Type::ok)
      streak.length = 0;
    else if (streak.length++ == 0)
      streak.begin = window.at.time;
    const bool steady =
        std::all_of(streaks.begin(), streaks.end(), [&](const Streak& s) { return s.length >= needed_; });
    if (!steady) continue;
    const auto last = std::max_element(streaks.begin(), streaks.end(),
                                       [](const Streak& a, const Streak& b) { return a.begin < b.begin; });
    return Steady{last->begin, window.at.index};
  }
  return std::nullopt;
}

/// Whether windows that nobody measured could have been good enough for a recovery no later than `limit`.
bool RecoveryInvariant::may_be_steady(const Moment& from, std::int64_t limit) const {
  std::vector<Streak> streaks(streams_.size());
  const auto in_time = [&](const Streak& s) { return s.length > 0 ? s.begin <= limit : !s.any || s.last < limit; };
  for (const auto& window : windows_) {
    if (window.at.index < from.index) continue;
    Streak& streak = streaks[window.stream];
    streak.any = true;
    streak.last = window.at.time;
    if (window.type == Type::fail)
      streak.length = 0;
    else if (streak.length++ == 0)
      streak.begin = window.at.time;
    if (std::all_of(streaks.begin(), streaks.end(),
                    [&](const Streak& s) { return s.length >= needed_ && in_time(s); })) {
      return true;
    }
  }
  return std::all_of(streaks.begin(), streaks.end(), in_time);
}

void RecoveryInvariant::judge(const FaultWindow& fault, const Faults& faults, Findings& findings,
                              Judgement& judgement) {
  const auto who = fmt::format("{} on {}", fault.name, fault.target);
  if (fault.refused) return;
  ++faults_;
  if (!fault.ended) {
    raise(judgement, Outcome::unknown, who + ": its end is not proven");
    return;
  }
  if (fault.stop_asked && fault.stop_asked.has_time && fault.ended.has_time) {
    undo_ms_max_ = std::max(undo_ms_max_, milliseconds(fault.ended.time - fault.stop_asked.time));
  }
  // Another fault that begins before the steady state is back moves the beginning to its own end.
  Moment from = fault.ended;
  const std::int64_t apart = faults.apart();
  std::optional<Steady> steady;
  for (bool moved = true; moved;) {
    moved = false;
    steady = first_steady(from, apart);
    for (const auto& other : faults.windows()) {
      const bool before = !steady || other.begin() <= steady->index;
      if (other.refused || !before || (other.ended && other.ended.index <= from.index)) continue;
      if (!other.ended) {
        raise(judgement, Outcome::unknown,
              fmt::format("{}: {} on {} began before recovery, and its end is not proven", who, other.name,
                          other.target));
        return;
      }
      from = other.ended;
      moved = true;
    }
  }
  if (!from.has_time) {
    raise(judgement, Outcome::unknown, who + ": the end of the fault has no time");
    return;
  }
  if (steady && steady->time < from.time) {
    raise(judgement, Outcome::unknown, who + ": the times of the history do not rise");
    return;
  }
  if (steady) recovery_ms_max_ = std::max(recovery_ms_max_, milliseconds(steady->time - from.time));
  if (steady && steady->time - from.time <= within_ - apart) {
    ++recovered_;
  } else if (steady && steady->time - from.time <= within_ + apart) {
    raise(judgement, Outcome::unknown,
          fmt::format("{}: recovery took {} ms, and the clocks may be {} apart", who,
                      milliseconds(steady->time - from.time), model::to_text(Duration{apart})));
  } else if (may_be_steady(from, between(-(within_ + apart), from.time))) {
    raise(judgement, Outcome::unknown, who + ": not enough probe windows after it to tell whether it recovered");
  } else {
    std::int64_t witness = -1;
    for (const auto& window : windows_) {
      if (window.at.index > from.index && window.type == Type::fail && (!steady || window.at.index < steady->index)) {
        witness = window.at.index;
      }
    }
    const std::int64_t last = std::max({witness, from.index, steady ? steady->index : std::int64_t{-1}});
    findings.add("not-recovered", "", {from.index, witness, steady ? steady->index : -1}, fault.begin(), last);
  }
}

Judgement RecoveryInvariant::conclude(const Evidence& evidence, bool complete) {
  Findings findings{evidence, {"not-recovered"}, expect_};
  Judgement judgement;
  judgement.kind = "recovery";
  judgement.outcome = Outcome::holds;
  if (windows_.empty())
    raise(judgement, Outcome::unknown, "no probe measured the steady state");
  else
    for (const auto& fault : evidence.faults.windows()) judge(fault, evidence.faults, findings, judgement);
  if (!windows_.empty() && faults_ == 0) raise(judgement, Outcome::unknown, "nothing was tested: no fault took effect");
  findings.conclude(judgement, complete && judgement.outcome != Outcome::unknown);
  judgement.counts = {{"faults", faults_},
                      {"recovered", recovered_},
                      {"recovery_ms_max", recovery_ms_max_},
                      {"undo_ms_max", undo_ms_max_}};
  return judgement;
}

}  // namespace

Result<std::unique_ptr<Invariant>> make_recovery(const model::InvariantSpec& spec) {
  const auto within = parameter<Duration>(spec, "within", Duration{-1});
  const auto windows = parameter<std::int64_t>(spec, "windows", 3);
  if (within < Duration{0}) return usage_error("recovery: 'within' must be a duration");
  if (windows < 1) return usage_error("recovery: 'windows' must be at least 1");
  return std::unique_ptr<Invariant>{std::make_unique<RecoveryInvariant>(within, windows, spec.expect)};
}

}  // namespace troop::invariants
