// TOML as an editor hands it to a JSON Schema. A test that includes this is built with the TOML_ASSERT of
// scenarios/toml.
#pragma once

#include <boost/json/parse.hpp>
#include <sstream>
#include <string>

#include "scenarios/toml/tomlplusplus.hpp"

namespace troop::test {

inline boost::json::value toml_as_json(const std::string& toml_text) {
  std::ostringstream text;
  text << toml::json_formatter{toml::parse(toml_text)};
  return boost::json::parse(text.str());
}

}  // namespace troop::test
