// Messages that a consumer gave up and published to the error exchange: each is acknowledged only once the broker has
// confirmed that copy, so that a crash in between leaves two copies and never none.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "agents/workers/config.hpp"
#include "agents/workers/recorder.hpp"

namespace troop::agents {

class Republisher {
 public:
  explicit Republisher(const WorkerConfig& config);

  /// Appends the frames of a copy that keeps the message's identity; its routing key says which queue it leaves.
  void publish(std::string& out, const Recorder::Delivery& delivery);
  /// The broker's ack or nack of one tag, or of all up to it: whose copy it was, in the order of publish().
  std::vector<Recorder::Delivery> answered(std::uint64_t tag, bool multiple);
  /// The channel is gone: what was given up on it is delivered again.
  void forget();

 private:
  struct Waiting {
    std::uint64_t tag;
    Recorder::Delivery delivery;
  };
  std::string exchange_;
  std::string routing_key_;
  std::size_t payload_bytes_;
  std::deque<Waiting> waiting_;  ///< By tag.
  std::uint64_t last_tag_ = 0;
};

}  // namespace troop::agents
