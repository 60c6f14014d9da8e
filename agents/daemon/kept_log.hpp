// The logs of a private broker, as they are kept when its folder goes: their end, without its own secrets.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace troop::agents {

struct KeptLog {
  std::string name;  ///< "broker.log": what it logged. "broker-output.log": what it printed.
  std::string text;  ///< At most protocol::log_bytes_max, from the begin of a line on.
};

/// Reads them from the broker's `folder`; one that is missing or empty is left out. Each of `secrets`, and the Erlang
/// cookie of the folder, is replaced wherever it stands. Blocks on the disk.
std::vector<KeptLog> broker_logs(const std::filesystem::path& folder, std::vector<std::string> secrets);

}  // namespace troop::agents
