// The sections of a scenario file, each into its part of the model.
#pragma once

#include <vector>

#include "scenarios/model/catalogue.hpp"
#include "scenarios/model/scenario.hpp"
#include "scenarios/toml/table_reader.hpp"

namespace troop::scenarios {

/// Everything but [[invariant]].
void read_sections(TableReader& root, const model::Catalogue& catalogue, model::Scenario& scenario);

/// `[[invariant]]`, in the order of the file; one entry each, even where it is wrong.
void read_invariant_list(TableReader& root, const model::Catalogue& catalogue, std::vector<model::InvariantSpec>& out);

}  // namespace troop::scenarios
