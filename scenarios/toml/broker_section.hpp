// Reads `[system.broker]`.
#pragma once

#include "scenarios/model/scenario.hpp"
#include "scenarios/toml/table_reader.hpp"

namespace troop::scenarios {

/// What is wrong is reported where it is written, but never the value of a reference to a secret.
void read_broker(TableReader& reader, model::Broker& broker);

}  // namespace troop::scenarios
