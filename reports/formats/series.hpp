// A second pass over a finished history: what the load, the connections and the queues looked like over time, and the
// story of each listed anomaly.
#pragma once

#include <filesystem>
#include <vector>

#include "common/error.hpp"
#include "reports/formats/run_document.hpp"
#include "reports/history/reader.hpp"

namespace troop::formats {

struct Retelling {
  std::vector<SeriesPoint> series;  ///< From the first second with load to the last; load after 100,000 s is left out.
  std::vector<QueueDepth> depths;   ///< As many values each as `series` has points.
  std::vector<Story> stories;  ///< One for each anomaly of `judged` of which the history tells something, in its order.
};

/// Streams the history once. Memory grows with the messages under way and the anomalies listed, not with the history.
/// Errors: those of history::Reader. Blocks on the disk.
Result<Retelling> retell(const std::filesystem::path& history, const invariants::Judged& judged);
Result<Retelling> retell(history::Reader& reader, const invariants::Judged& judged);

}  // namespace troop::formats
