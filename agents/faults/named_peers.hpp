// The names among the peers of a network fault, for as long as it is in force: an address that one of them gets is a
// peer too from then on, and one that it loses stays one until the end. A name that means nothing any more changes
// nothing.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "agents/host/host_names.hpp"

namespace troop::agents {

class NamedPeers {
 public:
  /// Makes an address a peer. Errors: why that may not be.
  using Take = std::function<Result<void>(const boost::asio::ip::address& address)>;

  /// `known`: what they meant at `now` (CLOCK_MONOTONIC, ns), all of it peers already.
  NamedPeers(std::vector<NamedPeer> known, std::int64_t now, Resolve resolve = resolve_by_libc);
  /// Offers what is new to `take`, each address of a name once. Waits for nobody else.
  void follow(std::int64_t now, const Take& take);
  /// What they are, for people; with what came later, and what was left out and why.
  [[nodiscard]] std::string told() const;

 private:
  struct Later {
    std::vector<std::string> added, left_out;
    std::size_t too_many = 0;  ///< Answers that had more than a name may have.
  };
  std::vector<NamedPeer> known_;  ///< With what was left out.
  std::vector<NamedPeer> first_;
  std::vector<Later> later_;
  NameWatch watch_;
};

/// "db.example.com is 192.0.2.10, 2001:db8::10".
std::string told_of(const std::vector<NamedPeer>& names);

}  // namespace troop::agents
