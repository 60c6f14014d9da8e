// The JSON Schema of scenario files, for editors that complete and check TOML while one types.
#pragma once

#include <boost/json/object.hpp>

#include "scenarios/model/catalogue.hpp"

namespace troop::scenarios {

/// Draft 2020-12 (https://json-schema.org/draft/2020-12). It refuses no file that the reader takes. The reader refuses
/// more: what is wrong between two keys, durations out of range, claims that the settings cannot keep. Only oneOf,
/// const and enum tell the kinds of an entry apart, since few editors complete what is behind if and then.
boost::json::object scenario_schema(const model::Catalogue& catalogue);

}  // namespace troop::scenarios
