// Turns what a worker is about to do, or has learnt, into records, and keeps the counters in step.
#pragma once

#include <cstdint>

#include "agents/workers/message.hpp"
#include "agents/workers/outstanding.hpp"
#include "agents/workers/ring.hpp"

namespace troop::agents {

/// Every function returns once the record is safe; if the agent commands `abort` while the ring is full, the process
/// exits, because nothing may be done that is not recorded.
class Recorder {
 public:
  explicit Recorder(RingWriter& ring) : ring_(ring) {}

  void invoke(const OutgoingMessage& message, std::uint16_t producer);
  void complete(const Completion& completion, std::uint16_t producer);

  struct Delivery {
    std::uint64_t tag = 0;
    bool redelivered = false;
    std::optional<MessageHeaders> headers;  ///< Nothing: a foreign message; it gets a number of its own.
  };
  void deliver(const Delivery& delivery, std::uint32_t channel);
  void ack(const Delivery& delivery, std::uint32_t channel);
  /// Ack `none`: the handler has ended; counted, but there is nothing to record.
  void handled() { ring_.counters().settled.add(); }

  void connection(protocol::RecordKind kind, protocol::RecordError error, std::uint32_t channel);

 private:
  void push(protocol::Record& record);

  RingWriter& ring_;
};

}  // namespace troop::agents
