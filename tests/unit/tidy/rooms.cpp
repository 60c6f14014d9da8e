// The rooms and the arrows between them. Adding an arrow is a decision about the architecture: make it here, in
// CMakeLists.txt and in docs/architecture.md.
#include <algorithm>

#include "tests/unit/tidy/tidy.hpp"

namespace troop::tidy {
namespace {

struct Room {
  std::string_view folder;
  std::vector<std::string_view> imports;  ///< Directly; what those import is allowed as well.
};

const std::vector<Room>& rooms() {
  static const std::vector<Room> all = {
      {"common", {}},
      {"scenarios/model", {"common"}},
      {"scenarios/toml", {"scenarios/model"}},
      {"scenarios/shop", {"common"}},
      {"reports/history", {"scenarios/model"}},
      {"reports/invariants", {"reports/history"}},
      {"reports/formats", {"reports/invariants"}},
      {"agents/protocol", {"scenarios/model"}},
      {"agents/host", {"agents/protocol"}},
      {"agents/rabbitmq", {"agents/host"}},
      {"agents", {"agents/rabbitmq"}},
      {"agents/faults", {"agents"}},
      {"agents/workers", {"agents"}},
      {"agents/proxy", {"agents"}},
      {"agents/daemon", {"agents/faults", "agents/workers", "agents/proxy"}},
      {"controller/plan", {"scenarios/toml", "reports/formats", "agents/protocol"}},
      {"controller/fleet", {"scenarios/toml", "reports/formats", "agents/protocol"}},
      {"controller/probes", {"scenarios/toml", "reports/formats", "agents/protocol"}},
      {"controller/run", {"controller/plan", "controller/fleet", "controller/probes"}},
      {"controller/api", {"controller/run"}},
      {"controller/cli", {"controller/run"}},
      {"controller", {"controller/api", "controller/cli"}},
      {"tests", {"scenarios/shop", "agents/daemon", "controller"}},
  };
  return all;
}

const Room* find(std::string_view folder) {
  const auto& all = rooms();
  const auto found = std::find_if(all.begin(), all.end(), [&](const Room& room) { return room.folder == folder; });
  return found == all.end() ? nullptr : &*found;
}

}  // namespace

std::string_view room_of(std::string_view path) {
  std::string_view best;
  for (const auto& room : rooms()) {
    const bool inside = path.starts_with(room.folder) && path.substr(room.folder.size()).starts_with('/');
    if (inside && room.folder.size() > best.size()) best = room.folder;
  }
  return best;
}

bool may_import(std::string_view from, std::string_view to) {
  if (from == to) return true;
  const Room* room = find(from);
  return room != nullptr && std::any_of(room->imports.begin(), room->imports.end(),
                                        [&](std::string_view next) { return may_import(next, to); });
}

}  // namespace troop::tidy
