// What judging a history yields. Plain data: formats print it, exit codes follow from it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troop::invariants {

enum class Outcome { holds, unknown, violated };  ///< In the order of severity.
enum class Verdict { pass, inconclusive, fail };  ///< Likewise.

struct Anomaly {
  std::string kind;                     ///< "lost", "duplicated", "inversion" …
  std::string id;                       ///< The message; empty where the anomaly is not about one.
  std::vector<std::int64_t> witnesses;  ///< Indexes of the events that show it, ascending.
  std::vector<std::string> during;      ///< Names of the faults that overlap it.
};

struct Judgement {
  std::string kind;  ///< "delivery"
  Outcome outcome = Outcome::unknown;
  std::vector<std::pair<std::string, std::int64_t>> counts;  ///< Exact, in the documented order.
  std::vector<Anomaly> anomalies;                            ///< Capped; `counts` are not.
  std::vector<std::string> reasons;  ///< Why it is not `holds`, for people; also what evidence was missing.
  /// Its parameters as the scenario gave them, "per = key", to tell it from others of its kind; empty: it has none.
  std::string claim = {};
};

struct Judged {
  Verdict verdict = Verdict::inconclusive;
  std::int64_t events = 0;
  bool complete = false;              ///< False: empty, or cut short.
  std::vector<std::string> warnings;  ///< A dropped last line, a run that did not complete …
  std::vector<Judgement> invariants;  ///< In the order of the scenario; `exercised` last.
  std::string scenario = {};          ///< As the run start names it; empty: it does not. Not stored.
};

std::string_view to_text(Outcome outcome);
std::string_view to_text(Verdict verdict);

}  // namespace troop::invariants
