// The host's policy file: commands that a scenario may name and never spell out.
//
//   {"commands": {"mq": {"start": ["/usr/bin/mq-start"], "stop": ["/usr/bin/mq-stop", "now"]}}}
//
// /etc/troop/policy.json, or what TROOP_POLICY names. It belongs to root or to this user, and nobody else may write to
// it.
#pragma once

#include <string>
#include <vector>

#include "common/error.hpp"

namespace troop::agents {

/// The arguments of a command, the first of them an absolute path. Blocks on the disk. Errors: usage.
Result<std::vector<std::string>> named_command(const std::string& entry, const std::string& action);

}  // namespace troop::agents
