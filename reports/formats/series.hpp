// A second pass over a finished history: what the load looked like over time, and the story of each listed anomaly.
#pragma once

#include <filesystem>
#include <vector>

#include "common/error.hpp"
#include "reports/formats/run_document.hpp"

namespace troop::formats {

struct Retelling {
  std::vector<SeriesPoint> series;
  std::vector<Story> stories;    ///< One for each anomaly of `judged` that has witnesses or a message, in its order.
};

/// Streams the history once, and a second time where anomalies have messages. Memory grows with the messages under way
/// and the anomalies listed, not with the history. Errors: those of history::Reader. Blocks on the disk.
Result<Retelling> retell(const std::filesystem::path& history, const invariants::Judged& judged);

}  // namespace troop::formats
