// The processes of this host as /proc shows them, for whoever has to choose among them. Linux only; blocks for
// milliseconds.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "agents/host/process.hpp"

namespace troop::agents {

struct ProcessRow {
  ProcessIdentity identity;
  pid_t parent = 0;
  bool is_kernel = false;              ///< A thread of the kernel's.
  std::string command;                 ///< What it calls itself: 15 bytes at most, see proc(5), comm.
  std::string program;                 ///< The name of its file, without folders; empty where that cannot be read.
  std::string command_line;            ///< Its arguments, with blanks between them.
  std::string executable;              ///< Device and inode of its file: the same text, the same program.
  std::string network;                 ///< Its network namespace: the same text, the same network.
  std::set<std::string> groups = {};   ///< Paths of its control groups, of all hierarchies.
  std::set<std::string> sockets = {};  ///< Inodes of its sockets; see sockets_of().
};

/// Every process but zombies; those that end meanwhile may be missing. Without sockets.
std::vector<ProcessRow> read_process_table();
/// One of them; nothing if there is none.
std::optional<ProcessRow> read_process(pid_t pid);
/// Inodes of the sockets that it has open.
std::set<std::string> sockets_of(pid_t pid);
/// Whether it has a handler of its own for the signal; whether one is yet to be handled. False where it is gone.
bool handles(pid_t pid, int signal_number);
bool is_pending(pid_t pid, int signal_number);
/// Inodes of the TCP sockets, IPv4 and IPv6, that listen on the port in this thread's network.
std::set<std::string> listening_sockets(std::uint16_t port);

}  // namespace troop::agents
