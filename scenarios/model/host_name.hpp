// Names of hosts in the name service, as scenarios may write them.
#pragma once

#include <string_view>

namespace troop::model {

/// As the only one of a step's `peers`: everybody but the target itself.
inline constexpr std::string_view any_peer = "any";

/// Labels of letters, digits and inner hyphens with dots between them, 253 characters at most (RFC 1123, 2.1), and two
/// labels at least: a name without a dot is a host of the scenario. The last is no number, or it would be an address
/// that is written wrong.
bool is_dns_name(std::string_view text);

}  // namespace troop::model
