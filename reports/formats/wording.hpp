// What the documents for people say alike: the headline, and what counts and times mean in words.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "reports/formats/run_document.hpp"

namespace troop::formats {

struct Headline {
  std::string_view word;  ///< "PASS", "FAIL", "INCONCLUSIVE"
  std::string sentence;   ///< Which invariants, or why nothing could be judged.
  std::string alarm;      ///< Louder than any verdict: something was not put back. Empty: all is well.
  std::string ending;     ///< How the run ended, where it did not complete. Empty: it completed.
};

Headline headline(const RunDocument& document);

/// "scenario title", or its name where it has none.
std::string title(const RunDocument& document);

/// One name for each invariant, none twice: its kind, and its parameters as well where there are several of that kind.
std::vector<std::string> invariant_names(const RunDocument& document);

struct CountInWords {
  std::string name;
  std::string value;
};
/// {"confirmed", "39,998"}; of a longest time {"longest undo", "3.02 s"}.
CountInWords in_words(const std::string& name, std::int64_t count);

/// The counts that are not zero, in order: {"confirmed 39,998", "lost 198", "longest undo 3.02 s"}.
std::vector<std::string> telling_counts(const std::vector<std::pair<std::string, std::int64_t>>& counts);

/// One moment in a fault's life.
struct FaultMoment {
  std::string_view name;  ///< "asked", "in force", "undo asked", "ready again", "steady again"
  Duration at{0};
};
std::vector<FaultMoment> moments(const FaultRecord& fault);

/// The three times of coming back, told apart: "undo asked at +10.004 s, ready 4.21 s later, steady 1.80 s after that".
/// Empty: undo was never asked for.
std::string recovery_text(const FaultRecord& fault);

/// "lost p1-17, during broker.kill".
std::string anomaly_text(const invariants::Anomaly& anomaly);

/// nullptr: none was told.
const Story* story_of(const RunDocument& document, std::size_t invariant, std::size_t anomaly);

}  // namespace troop::formats
