// The evidence of one worker event: 64 bytes that cross shared memory and the control socket as they are, and become
// one line of the history. Fixed size, so that a worker records in a few nanoseconds and a killed worker leaves no half
// event.
#pragma once

#include <bit>
#include <cstdint>
#include <type_traits>

namespace troop::protocol {

static_assert(std::endian::native == std::endian::little, "records travel in little-endian order");

enum class RecordKind : std::uint8_t {
  publish_invoke = 1,  ///< A message's attempt begins: recorded before the publish.
  publish_ok,          ///< Confirmed by the broker.
  publish_fail,        ///< Certainly without effect: `error` says why.
  publish_info,        ///< Outcome unknown: `error` says why.
  deliver,             ///< Recorded before the handler works and before the ack.
  deliver_foreign,     ///< A message without our headers; `seq` numbers them per worker.
  ack,                 ///< Recorded before the ack is sent.
  connection_up,
  connection_lost,
  connection_blocked,
  connection_unblocked,
  connection_cancelled,  ///< The broker cancelled the consumer.
  connection_channel_closed,
  connection_restarted,  ///< The first of a process that follows a dead one: what that one had open stays so for ever.
  nack,                  ///< Back to the queue; like ack.
  reject,                ///< Dead-lettered or gone; like ack.
  effect,                ///< What a handler did for a message; like deliver.
  sink,                  ///< Read from a dead-letter or error queue; `queue` is the one that it left, `sink` why.
};

constexpr RecordKind last_record_kind = RecordKind::sink;

enum class SinkReason : std::uint8_t { dead_lettered, expired, rejected, overflow, queued };
constexpr SinkReason last_sink_reason = SinkReason::queued;

enum class RecordError : std::uint8_t {
  none,
  nack,
  returned,
  timeout,
  connection_lost,
  channel_closed,
  retries_exhausted,
  not_sent,
  unconfirmed,
  refused
};

struct Record {
  static constexpr std::uint8_t redelivered = 1;
  static constexpr std::uint8_t multiple = 2;
  static constexpr std::uint8_t requeue = 4;

  std::int64_t time = 0;      ///< CLOCK_MONOTONIC, ns; non-decreasing within one worker.
  std::int64_t intended = 0;  ///< publish: when it was planned, same clock; else 0.
  std::uint64_t seq = 0;      ///< Per producer, from 1; with `producer` it is the message's identity.
  std::uint64_t op = 0;       ///< publish: one per attempt, unique per process name. deliver, ack: the delivery tag.
  std::uint32_t channel = 0;  ///< Epoch: counts the channels this worker name has opened in the run, from 1.
  std::uint32_t key = 0;
  std::uint16_t producer = 0;  ///< Number of the producer the message came from, from 1.
  std::uint16_t attempt = 0;   ///< From 1.
  std::uint16_t queue = 0;     ///< Index into the run's list of queues.
  RecordKind kind{};
  RecordError error{};
  std::uint8_t flags = 0;
  SinkReason sink{};
  std::uint8_t reserved[14] = {};
};

static_assert(sizeof(Record) == 64 && std::is_trivially_copyable_v<Record>);

}  // namespace troop::protocol
