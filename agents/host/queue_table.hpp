// The rules that send packets into a queue when they arrive: nftables tables with `flags owner`, one for each family
// that has peers, whose rules match only through set elements with a timeout. The queue is an xtables target, since
// kernels without nft_queue have that one; libnftables cannot write it.
#pragma once

#include <string>

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
  /// Packets that the rules met, those that found the queue full included. Errors: usage.
  [[nodiscard]] Result<std::uint64_t> met() const;
  /// No more packets are sent into the queue. Those that wait there go on to wait, while stop() makes the kernel drop
  /// them: it does so whenever a chain of this network goes. Errors: lost.
  Result<void> dry_up();
  /// Ends it and proves that. Idempotent. Errors: unrestored.
  Result<void> stop();
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  QueueTable(UniqueFd fd, std::string name, Traffic traffic)
      : fd_(std::move(fd)), name_(std::move(name)), traffic_(std::move(traffic)) {}

  UniqueFd fd_;  ///< The owner: the tables end with it.
  std::string name_;
  Traffic traffic_;
};

}  // namespace troop::agents
