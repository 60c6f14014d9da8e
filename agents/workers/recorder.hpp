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
  /// `queue`: where this worker's deliveries come from, by its place in the run's topology.
  explicit Recorder(RingWriter& ring, std::size_t queue = 0) : ring_(ring), queue_(static_cast<std::uint16_t>(queue)) {}

  void invoke(const OutgoingMessage& message, std::uint16_t producer);
  void complete(const Completion& completion, std::uint16_t producer);

  struct Delivery {
    std::uint64_t tag = 0;
    bool redelivered = false;
    std::optional<MessageHeaders> headers;  ///< Nothing: a foreign message; it gets a number of its own.
  };
  void deliver(const Delivery& delivery, std::uint32_t channel);
  void ack(const Delivery& delivery, std::uint32_t channel);
  void nack(const Delivery& delivery, std::uint32_t channel);    ///< With requeue.
  void reject(const Delivery& delivery, std::uint32_t channel);  ///< Without.
  void effect(const Delivery& delivery);
  /// It was found in a dead-letter queue, or ended here; it had left `queue`.
  void sink(const Delivery& delivery, protocol::SinkReason reason, std::uint16_t queue);
  /// Ack `none`: the handler has ended; counted, but there is nothing to record.
  void handled() { ring_.counters().settled.add(); }

  void connection(protocol::RecordKind kind, protocol::RecordError error, std::uint32_t channel);

 private:
  void push(protocol::Record& record);

  RingWriter& ring_;
  std::uint16_t queue_;
};

}  // namespace troop::agents
