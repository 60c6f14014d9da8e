// Our messages on the wire. Whole frames are built here and sent many at a time: rabbitmq-c sends each of a message's
// three frames by itself and blocks while the socket is full, which an open loop cannot afford.
#pragma once

#include <amqp.h>

#include <cstdint>
#include <optional>
#include <string>

#include "agents/protocol/record.hpp"
#include "agents/workers/outstanding.hpp"

namespace troop::agents {

/// By what a delivery names the attempt it came from: the header `troop`, a text "producer.seq.attempt.key". One header
/// and not four, because decoding a header table is a good part of what the broker does for a small message.
struct MessageHeaders {
  std::uint16_t producer = 0;
  std::uint16_t attempt = 0;
  std::uint32_t key = 0;
  std::uint64_t seq = 0;
  bool operator==(const MessageHeaders&) const = default;
};

/// Nothing, if there is no such header, or if it is not exactly one of ours: then the message is not ours. Reads
/// nothing but the table, whatever is in it.
std::optional<MessageHeaders> read_headers(const amqp_basic_properties_t& properties);

/// Why a message is in a dead-letter queue, by the newest entry of the header `x-death` (RabbitMQ's "dlx" page).
struct Death {
  std::string queue;  ///< The one that it left.
  protocol::SinkReason reason{};
};
/// Nothing, if the header is missing or is not what RabbitMQ writes.
std::optional<Death> read_death(const amqp_basic_properties_t& properties);

/// Appends basic.publish with header and body frames of one message after another; only the fields that differ are
/// written.
class MessageEncoder {
 public:
  struct Settings {
    std::uint16_t channel = 1;
    std::uint16_t producer = 1;
    std::string exchange;     ///< Empty: the default exchange. At most 255 bytes.
    std::string routing_key;  ///< At most 255 bytes.
    bool mandatory = true;
    bool persistent = true;
    std::int64_t priorities = 0;                ///< Messages take turns in 0 … priorities - 1; 0: they have none.
    std::string expiration;                     ///< Milliseconds, as the property wants them; empty: none.
    std::optional<std::int32_t> delay_ms = {};  ///< The header `x-delay`, as the delayed-message plugin wants it.
    std::size_t payload_bytes = 0;
    std::size_t frame_bytes_max = AMQP_DEFAULT_FRAME_SIZE;  ///< As negotiated; the frame's own 8 bytes included.
  };
  explicit MessageEncoder(const Settings& settings);

  void append(std::string& out, const OutgoingMessage& message);

 private:
  std::string front_;     ///< basic.publish, and the content header up to the header table.
  std::string body_;      ///< The body frames.
  std::string producer_;  ///< Its number.
  std::uint8_t delivery_mode_;
  std::uint64_t priorities_;
  std::string expiration_;
  std::string delay_;  ///< Its entry of the header table.
  std::size_t header_size_at_ = 0;
};

void append_ack(std::string& out, std::uint16_t channel, std::uint64_t tag, bool multiple);
/// basic.nack of one message, which goes back to its queue.
void append_requeue(std::string& out, std::uint16_t channel, std::uint64_t tag);
/// basic.reject without requeue.
void append_reject(std::string& out, std::uint16_t channel, std::uint64_t tag);
void append_cancel(std::string& out, std::uint16_t channel, const std::string& consumer_tag);
/// A method frame without arguments, such as the close-ok methods.
void append_method(std::string& out, std::uint16_t channel, amqp_method_number_t method);

}  // namespace troop::agents
