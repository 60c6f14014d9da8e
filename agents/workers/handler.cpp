#include "agents/workers/handler.hpp"

#include <algorithm>
#include <ctime>

namespace troop::agents {

using model::Consume;

Handler::Handler(const WorkerConfig& config, EffectsTable effects, RingWriter& ring, Recorder& recorder)
    : consume_(config.workload.consume),
      queue_(queue_of(config)),
      effects_(std::move(effects)),
      ring_(ring),
      recorder_(recorder) {}

Handler::Outcome Handler::handle(const Recorder::Delivery& delivery) {
  const bool remembers = consume_.idempotency == Consume::Idempotency::id && delivery.headers;
  if (remembers && effects_.noted(queue_, delivery.headers->producer, delivery.headers->seq)) return Outcome::done;
  const bool poison = is_poison(delivery);
  for (std::int64_t attempt = 1; attempt <= (poison ? consume_.attempts : 1); ++attempt) {
    if (!work()) return Outcome::aborted;
  }
  if (poison) return Outcome::failed;
  if (consume_.effects && delivery.headers) have_effect(delivery);
  return Outcome::done;
}

bool Handler::is_poison(const Recorder::Delivery& delivery) const {
  return consume_.poison_every > 0 && delivery.headers &&
         delivery.headers->seq % static_cast<std::uint64_t>(consume_.poison_every) == 0;
}

/// By id: what was done is noted afterwards, so whoever dies in between does it again. By status: the effect and its
/// note are one step, as in one statement of a database, and only the first one counts.
void Handler::have_effect(const Recorder::Delivery& delivery) {
  const auto& [producer, attempt, key, seq] = *delivery.headers;
  if (consume_.idempotency == Consume::Idempotency::status && !effects_.note(queue_, producer, seq)) return;
  recorder_.effect(delivery);
  if (consume_.idempotency == Consume::Idempotency::id) effects_.note(queue_, producer, seq);
}

/// In naps, so that an abort does not wait for a slow handler. False: abort.
bool Handler::work() {
  constexpr std::int64_t nap_ns = 100'000'000;
  for (std::int64_t left = consume_.work.count(); left > 0; left -= nap_ns) {
    const std::int64_t nap = std::min(left, nap_ns);
    const timespec pause{0, nap};
    clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, nullptr);
    ring_.tell_clock();
    if (ring_.command() == WorkerCommand::abort) return false;
  }
  return true;
}

}  // namespace troop::agents
