// Whether this host can do something. Found by trying without a trace, never by guessing from names and versions.
#pragma once

#include <string>

namespace troop::agents {

struct Ability {
  std::string obstacle = {};  ///< Why it cannot; empty: it can.
  std::string remedy = {};    ///< What would enable it.
  std::string how = {};       ///< The way it would take, where there are several.
  [[nodiscard]] bool able() const { return obstacle.empty(); }
};

/// A process can be started, pinned, stopped and killed. Milliseconds.
Ability try_processes();
/// A network namespace can be made. Milliseconds; it is gone with the process that tried.
Ability try_network_namespaces();
/// A table that the kernel removes with its owner can be made, in a network namespace of its own. Likewise.
Ability try_nftables();
/// A share of a link can be given a rate of its own, in a network namespace of its own. Likewise.
Ability try_shaping();
/// The kernel's netem can be given packets that leave, in a network namespace of its own. Likewise.
Ability try_netem();
/// A TCP connection can be aborted, in a network namespace of its own. Likewise.
Ability try_connection_reset();
/// Packets can be told by the control group of their socket, in a network namespace of its own. Likewise.
Ability try_control_group_traffic();
/// Packets can be held in a queue of the kernel's, in a network namespace of its own. Likewise.
Ability try_packet_queue();

}  // namespace troop::agents
