#include "reports/formats/series.hpp"

#include "reports/formats/connections.hpp"
#include "reports/formats/depths.hpp"
#include "reports/formats/load.hpp"
#include "reports/formats/storyteller.hpp"

namespace troop::formats {

Result<Retelling> retell(const std::filesystem::path& history, const invariants::Judged& judged) {
  BOOST_OUTCOME_TRY(auto reader, history::Reader::open(history));
  return retell(reader, judged);
}

Result<Retelling> retell(history::Reader& reader, const invariants::Judged& judged) {
  Load load;
  Connections connections;
  Depths depths;
  Storyteller storyteller{judged};
  for (;;) {
    BOOST_OUTCOME_TRY(const history::Event* event, reader.next());
    if (!event) break;
    load.observe(*event);
    connections.observe(*event);
    depths.observe(*event);
    storyteller.observe(*event);
  }
  auto series = load.finish();
  connections.finish(series);
  auto waiting = depths.finish(series);
  return Retelling{std::move(series), std::move(waiting), storyteller.finish()};
}

}  // namespace troop::formats
