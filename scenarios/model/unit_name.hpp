// Names of systemd's units, as scenarios may write them; see systemd.unit(5).
#pragma once

#include <string_view>

namespace troop::model {

/// The whole name of a unit that processes can be in; no template, which is none yet. No pattern either.
bool is_unit_name(std::string_view text);
/// … of a service.
bool is_service_name(std::string_view text);
/// A service that the host itself, the way into it or Troop need: no fault stops it.
bool is_vital_service(std::string_view name);

}  // namespace troop::model
