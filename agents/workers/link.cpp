#include "agents/workers/link.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <utility>

#include "common/clock.hpp"

namespace troop::agents {

using protocol::RecordError;
using protocol::RecordKind;

Link::Link(const WorkerConfig& config, RingWriter& ring, Recorder& recorder)
    : config_(config),
      ring_(ring),
      recorder_(recorder),
      backoff_(config.workload.publish.retry, Random{config.seed, worker_name(config) + " backoff"}),
      attempt_ended_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

Link::~Link() {
  if (attempt_.joinable()) attempt_.join();
}

Link::Step Link::step(std::int64_t now_ns) {
  if (session_ != nullptr) return Step::nothing;
  if (attempt_.joinable()) {
    std::uint64_t ended = 0;
    if (eventfd_read(attempt_ended_.get(), &ended) != 0) return Step::nothing;
    return finish_attempt();
  }
  if (now_ns >= attempt_due_ns_) start();
  return Step::nothing;
}

WorkerConfig Link::towards_next() const {
  WorkerConfig config = config_;
  const std::size_t at = turn_ % (config.next_hosts.size() + 1);
  if (at > 0) config.host = config.next_hosts[at - 1];
  return config;
}

void Link::start() {
  attempt_ = std::thread{[this, config = towards_next()] {
    outcome_ = Session::open(config);
    eventfd_write(attempt_ended_.get(), 1);
  }};
}

Link::Step Link::finish_attempt() {
  attempt_.join();
  OpenOutcome outcome = std::move(outcome_);
  outcome_ = {};
  if (outcome.session != nullptr) {
    session_ = std::move(outcome.session);
    channel_ = ring_.next_channel_epoch();
    backoff_.reset();
    blocked_ = false;
    readable_ = true;  // the consumer's first deliveries may have come with the last reply
    refusal_recorded_ = false;
    exhaustion_said_ = false;
    ring_.counters().connects.add();
    ring_.counters().blocked.set(0);
    recorder_.connection(RecordKind::connection_up, RecordError::none, channel_);
    ring_.state(WorkerState::connected);
    return Step::opened;
  }
  ++turn_;
  if (outcome.refused) complain(outcome);
  attempt_due_ns_ = monotonic_ns() + backoff_.next().count();
  ring_.state(WorkerState::disconnected);
  if (!backoff_.exhausted()) return Step::failed;
  if (!std::exchange(exhaustion_said_, true)) {
    say(fmt::format("gave up after {} connection attempts in a row: {}", backoff_.failures(), outcome.why));
  }
  backoff_.reset();
  return Step::exhausted;
}

void Link::say(std::string_view text) {
  // A worker goes on where its log cannot: fmt::print would throw on a full disk.
  std::fputs(fmt::format("{}: {}\n", worker_name(config_), text).c_str(), stderr);
}

void Link::complain(const OpenOutcome& outcome) {
  // Once per series of refusals: twenty equal lines say no more than one.
  if (refusal_recorded_) return;
  refusal_recorded_ = true;
  say("the broker refuses: " + outcome.why);
  recorder_.connection(RecordKind::connection_channel_closed, RecordError::refused, channel_);
}

void Link::drop(RecordKind kind, RecordError error) {
  recorder_.connection(kind, error, channel_);
  session_.reset();
  blocked_ = false;
  ring_.counters().blocked.set(0);
  ring_.counters().unacked.set(0);
  ring_.state(WorkerState::disconnected);
  attempt_due_ns_ = monotonic_ns() + backoff_.next().count();
}

bool Link::handle_control(const amqp_frame_t& frame) {
  if (frame.frame_type != AMQP_FRAME_METHOD) return true;
  switch (frame.payload.method.id) {
    case AMQP_CONNECTION_CLOSE_METHOD:
      session_->acknowledge_close(AMQP_CONNECTION_CLOSE_OK_METHOD, 0);
      drop(RecordKind::connection_lost, RecordError::connection_lost);
      return false;
    case AMQP_CHANNEL_CLOSE_METHOD: {
      const auto* close = static_cast<const amqp_channel_close_t*>(frame.payload.method.decoded);
      const std::string_view why{static_cast<const char*>(close->reply_text.bytes), close->reply_text.len};
      say(fmt::format("the broker closed the channel: {}", why));
      session_->acknowledge_close(AMQP_CHANNEL_CLOSE_OK_METHOD, Session::channel);
      // A new channel on a new connection: one way back to work is enough, and it declares the queue again.
      drop(RecordKind::connection_channel_closed, RecordError::channel_closed);
      return false;
    }
    case AMQP_CONNECTION_BLOCKED_METHOD:
      blocked_ = true;
      ring_.counters().blocked.set(1);
      recorder_.connection(RecordKind::connection_blocked, RecordError::none, channel_);
      return true;
    case AMQP_CONNECTION_UNBLOCKED_METHOD:
      blocked_ = false;
      ring_.counters().blocked.set(0);
      recorder_.connection(RecordKind::connection_unblocked, RecordError::none, channel_);
      return true;
    default:
      return true;
  }
}

bool Link::close() {
  const bool proven = session_ != nullptr && session_->close();
  session_.reset();
  if (proven) ring_.counters().close_proven.set(1);
  ring_.counters().unacked.set(0);
  ring_.state(proven ? WorkerState::closed_cleanly : WorkerState::disconnected);
  return proven;
}

void Link::wait(std::int64_t wake_ns, bool reading) {
  ring_.tell_clock();
  readable_ = session_ != nullptr && session_->buffered();
  if (readable_ && reading) return;
  pollfd waited{};
  if (session_ != nullptr) {
    waited = {session_->fd(), static_cast<short>((reading ? POLLIN : 0) | (session_->unsent() > 0 ? POLLOUT : 0)), 0};
  } else {
    waited = {attempt_ended_.get(), POLLIN, 0};
    if (!attempt_.joinable()) wake_ns = std::min(wake_ns, attempt_due_ns_);
  }
  constexpr std::int64_t command_latency_ns = 20'000'000;
  const std::int64_t left = std::clamp<std::int64_t>(wake_ns - monotonic_ns(), 0, command_latency_ns);
  const timespec timeout{0, left};
  if (ppoll(&waited, 1, &timeout, nullptr) > 0 && (waited.revents & ~POLLOUT) != 0) readable_ = true;
}

}  // namespace troop::agents
