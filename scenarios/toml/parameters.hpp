// Parameters that a catalogue describes, read from a table.
#pragma once

#include <span>

#include "scenarios/model/catalogue.hpp"
#include "scenarios/model/value.hpp"
#include "scenarios/toml/table_reader.hpp"

namespace troop::scenarios {

/// Takes every parameter's key from `reader`; fills defaults in, reports what is missing or wrong.
void read_parameters(TableReader& reader, std::span<const model::Parameter> parameters, model::Parameters& out);

}  // namespace troop::scenarios
