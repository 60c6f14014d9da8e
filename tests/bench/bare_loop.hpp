// The yardstick: what one gets from rabbitmq-c with a straightforward loop, as its own examples do it. Shares nothing
// with the workers, and records nothing.
#pragma once

#include <amqp.h>
#include <sys/mman.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <string>

#include "agents/rabbitmq/client.hpp"
#include "scenarios/model/scenario.hpp"
#include "tests/support/plain_amqp.hpp"

namespace troop::bench {

/// What the two processes and the bench tell each other.
struct BareCounters {
  std::atomic<std::uint64_t> confirmed{0};
  std::atomic<std::uint64_t> settled{0};

  static BareCounters& shared() {
    void* page = mmap(nullptr, sizeof(BareCounters), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) std::abort();
    return *::new (page) BareCounters;
  }
};

inline bool declare(test::PlainAmqp& amqp, const model::Workload& workload) {
  amqp_queue_declare(amqp.get(), test::PlainAmqp::channel, amqp_cstring_bytes(workload.queue.name.c_str()), 0,
                     workload.queue.durable ? 1 : 0, 0, 0, amqp_empty_table);
  return amqp.answered();
}

/// Publishes with at most `window` unconfirmed messages until killed.
inline int bare_producer(const agents::AmqpAddress& broker, const model::Workload& workload, BareCounters& counters) {
  test::PlainAmqp amqp{broker};
  if (!amqp.good() || !declare(amqp, workload)) return 1;
  amqp_confirm_select(amqp.get(), test::PlainAmqp::channel);
  if (!amqp.answered()) return 1;
  const std::string body(static_cast<std::size_t>(workload.payload_bytes), 'x');
  amqp_basic_properties_t properties{};
  properties._flags = AMQP_BASIC_DELIVERY_MODE_FLAG;
  properties.delivery_mode = workload.publish.persistent ? AMQP_DELIVERY_PERSISTENT : AMQP_DELIVERY_NONPERSISTENT;
  const auto window = static_cast<std::uint64_t>(workload.publish.window);
  std::uint64_t published = 0;
  std::uint64_t confirmed = 0;
  for (;;) {
    while (published - confirmed < window) {
      if (amqp_basic_publish(amqp.get(), test::PlainAmqp::channel, amqp_empty_bytes,
                             amqp_cstring_bytes(workload.queue.name.c_str()), workload.publish.mandatory ? 1 : 0, 0,
                             &properties, {body.size(), const_cast<char*>(body.data())}) != AMQP_STATUS_OK) {
        return 1;
      }
      ++published;
    }
    amqp_maybe_release_buffers(amqp.get());
    amqp_frame_t frame;
    if (amqp_simple_wait_frame(amqp.get(), &frame) != AMQP_STATUS_OK) return 1;
    if (frame.frame_type != AMQP_FRAME_METHOD || frame.payload.method.id != AMQP_BASIC_ACK_METHOD) continue;
    const auto* ack = static_cast<const amqp_basic_ack_t*>(frame.payload.method.decoded);
    confirmed = ack->multiple != 0 ? ack->delivery_tag : confirmed + 1;
    counters.confirmed.store(confirmed, std::memory_order_relaxed);
  }
}

/// Consumes and acknowledges each message by itself until killed.
inline int bare_consumer(const agents::AmqpAddress& broker, const model::Workload& workload, BareCounters& counters) {
  test::PlainAmqp amqp{broker};
  if (!amqp.good() || !declare(amqp, workload)) return 1;
  amqp_basic_qos(amqp.get(), test::PlainAmqp::channel, 0, static_cast<std::uint16_t>(workload.consume.prefetch), 0);
  if (!amqp.answered()) return 1;
  amqp_basic_consume(amqp.get(), test::PlainAmqp::channel, amqp_cstring_bytes(workload.queue.name.c_str()),
                     amqp_empty_bytes, 0, 0, 0, amqp_empty_table);
  if (!amqp.answered()) return 1;
  for (;;) {
    amqp_maybe_release_buffers(amqp.get());
    amqp_envelope_t envelope;
    if (amqp_consume_message(amqp.get(), &envelope, nullptr, 0).reply_type != AMQP_RESPONSE_NORMAL) return 1;
    const int sent = amqp_basic_ack(amqp.get(), test::PlainAmqp::channel, envelope.delivery_tag, 0);
    amqp_destroy_envelope(&envelope);
    if (sent != AMQP_STATUS_OK) return 1;
    counters.settled.fetch_add(1, std::memory_order_relaxed);
  }
}

}  // namespace troop::bench
