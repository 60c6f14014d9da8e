// What names of hosts mean: as programs of this host are told, by libc, which reads /etc/hosts and asks the resolvers.
// libc may take long, so it is asked in threads of their own, for which nobody waits longer than he says.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agents/host/traffic.hpp"
#include "common/clock.hpp"
#include "common/error.hpp"

namespace troop::agents {

/// All addresses of a name, of both families. Blocks for as long as it likes; called by any thread. Errors: lost.
using Resolve = std::function<Result<std::vector<boost::asio::ip::address>>(const std::string& name)>;
Result<std::vector<boost::asio::ip::address>> resolve_by_libc(const std::string& name);

/// So many addresses a name may have: more is no host, and rather a network of somebody's.
constexpr std::size_t addresses_max = 64;
/// So many names at once.
constexpr std::size_t names_max = 64;

/// What the names mean now, each with its addresses sorted. Blocks for `patience` at most. Errors: usage, where one of
/// them means nothing or too much, or nobody knows in time.
Result<std::vector<NamedPeer>> resolved(const std::vector<std::string>& names, Duration patience,
                                        Resolve resolve = resolve_by_libc);

/// A round of questions, which a thread may be at for longer than anybody waits.
struct Lookup;

/// Asks again and again what the names mean; one thread at a time.
class NameWatch {
 public:
  static constexpr Duration interval = std::chrono::seconds{5};

  /// `known`: what they meant at `now` (CLOCK_MONOTONIC, ns).
  NameWatch(const std::vector<NamedPeer>& known, std::int64_t now, Resolve resolve = resolve_by_libc);
  /// What they mean since the last call, where somebody has answered; of those that mean nothing there is none. Does
  /// not block: it asks, where it is time to, and a later call tells.
  std::vector<NamedPeer> answers(std::int64_t now);

 private:
  std::vector<std::string> names_;
  Resolve resolve_;
  std::int64_t next_;
  std::shared_ptr<Lookup> lookup_;
};

}  // namespace troop::agents
