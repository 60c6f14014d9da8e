// Paths of control groups, as scenarios may write them.
#pragma once

#include <string_view>

namespace troop::model {

/// "/system.slice/shop.service": absolute as in /proc/PID/cgroup, not the root, 255 characters at most, each name of
/// letters, digits and what systemd uses besides (systemd.unit(5)): : - _ . \ @
bool is_cgroup_path(std::string_view text);

}  // namespace troop::model
