// The rules that send packets into a queue when they arrive: nftables tables with `flags owner`, one for each family
// that has peers, whose rules match only through set elements with a timeout. The queue is an xtables target, since
// kernels without nft_queue have that one; libnftables cannot write it.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "agents/host/traffic.hpp"
#include "common/clock.hpp"
#include "common/unique_fd.hpp"

namespace troop::agents {

class QueueTable {
 public:
  /// Packets that arrive from the peers (the direction is not looked at) go to queue `number` from now on, for
  /// `timeout`. Neighbour discovery does not. Errors: usage.
  static Result<QueueTable> start(Traffic traffic, std::uint16_t number, Duration timeout);
  /// Another `timeout` from now. Whether it has ended meanwhile is for the caller to know. Errors: lost.
  Result<void> renew();
  /// Means these peers too, from the next renew() on.
  void add_peers(const std::vector<boost::asio::ip::address>& peers);
  /// Packets that the rules met, those that found the queue full included. Errors: usage.
  [[nodiscard]] Result<std::uint64_t> met() const;
  /// No more packets are sent into the queue. Those that wait there go on to wait, while stop() makes the kernel drop
  /// them: it does so whenever a chain of this network goes. Errors: lost.
  Result<void> dry_up();
  /// Ends it and proves that. Idempotent. Errors: unrestored.
  Result<void> stop();
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  QueueTable(UniqueFd fd, Traffic traffic, std::uint16_t number, Duration timeout);
  /// One transaction; with the tables of the families that have peers by now. 0, or errno.
  int keep();

  UniqueFd fd_;  ///< The owner: the tables end with it.
  std::string name_;
  Traffic traffic_;
  std::uint16_t number_;
  Duration timeout_;
  std::set<std::uint16_t> made_;  ///< The families that have a table (NFPROTO_…).
};

}  // namespace troop::agents
