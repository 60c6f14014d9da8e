#include "agents/workers/recorder.hpp"

#include <cstdlib>

#include "common/clock.hpp"

namespace troop::agents {

using protocol::Record;
using protocol::RecordKind;

void Recorder::push(Record& record) {
  if (!ring_.recording()) return;
  record.time = monotonic_ns();
  if (!ring_.push(record)) std::_Exit(3);
}

namespace {

Record publish_record(const OutgoingMessage& message, std::uint16_t producer, RecordKind kind) {
  Record record;
  record.intended = message.intended_ns;
  record.seq = message.seq;
  record.op = message.op;
  record.key = message.key;
  record.producer = producer;
  record.attempt = message.attempt;
  record.kind = kind;
  return record;
}

Record delivery_record(const Recorder::Delivery& delivery, std::uint32_t channel, RecordKind kind) {
  Record record;
  record.op = delivery.tag;
  record.channel = channel;
  record.kind = kind;
  if (delivery.redelivered) record.flags |= Record::redelivered;
  if (delivery.headers) {
    record.seq = delivery.headers->seq;
    record.key = delivery.headers->key;
    record.producer = delivery.headers->producer;
    record.attempt = delivery.headers->attempt;
  }
  return record;
}

}  // namespace

void Recorder::invoke(const OutgoingMessage& message, std::uint16_t producer) {
  Record record = publish_record(message, producer, RecordKind::publish_invoke);
  push(record);
  ring_.counters().invoked.add();
}

void Recorder::complete(const Completion& completion, std::uint16_t producer) {
  Record record = publish_record(completion.message, producer, completion.kind);
  record.error = completion.error;
  push(record);
  RingCounters& counters = ring_.counters();
  switch (completion.kind) {
    case RecordKind::publish_ok:
      counters.confirmed.add();
      break;
    case RecordKind::publish_fail:
      counters.failed.add();
      break;
    default:
      counters.indeterminate.add();
      break;
  }
}

void Recorder::deliver(const Delivery& delivery, std::uint32_t channel) {
  Record record =
      delivery_record(delivery, channel, delivery.headers ? RecordKind::deliver : RecordKind::deliver_foreign);
  record.queue = queue_;
  if (!delivery.headers) record.seq = ring_.next_foreign();
  push(record);
  ring_.counters().delivered.add();
}

void Recorder::sink(const Delivery& delivery, protocol::SinkReason reason, std::uint16_t queue) {
  Record record = delivery_record(delivery, 0, RecordKind::sink);
  record.queue = queue;
  record.sink = reason;
  push(record);
}

void Recorder::ack(const Delivery& delivery, std::uint32_t channel) {
  Record record = delivery_record(delivery, channel, RecordKind::ack);
  push(record);
  ring_.counters().settled.add();
}

void Recorder::nack(const Delivery& delivery, std::uint32_t channel) {
  Record record = delivery_record(delivery, channel, RecordKind::nack);
  record.flags |= Record::requeue;
  push(record);
}

void Recorder::reject(const Delivery& delivery, std::uint32_t channel) {
  Record record = delivery_record(delivery, channel, RecordKind::reject);
  push(record);
  ring_.counters().settled.add();
}

void Recorder::effect(const Delivery& delivery) {
  if (!delivery.headers) return;
  Record record = delivery_record(delivery, 0, RecordKind::effect);
  record.queue = queue_;
  push(record);
}

void Recorder::connection(RecordKind kind, protocol::RecordError error, std::uint32_t channel) {
  Record record;
  record.channel = channel;
  record.kind = kind;
  record.error = error;
  push(record);
}

}  // namespace troop::agents
