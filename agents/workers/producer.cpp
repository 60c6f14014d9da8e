// The loop of a producer:
//
//   schedule ──due──► invoke recorded, pending ──window free──► frames appended ──flush──► broker
//                                 ▲                                                        │ ack, nack, return
//                                 └───────────── resend ◄── lost, timed out, nack ◄────────┘
#include "agents/workers/producer.hpp"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <vector>

#include "agents/workers/backoff.hpp"
#include "agents/workers/link.hpp"
#include "agents/workers/message.hpp"
#include "agents/workers/outstanding.hpp"
#include "agents/workers/recorder.hpp"
#include "agents/workers/schedule.hpp"
#include "common/clock.hpp"
#include "scenarios/model/topology.hpp"

namespace troop::agents {
namespace {

using model::Publish;
using protocol::RecordError;
using protocol::RecordKind;

constexpr std::size_t pending_max = 1'000'000;
/// Beyond this no more is handed to a socket that does not take it: what waits in our memory is not on its way.
constexpr std::size_t unsent_max = 256 * 1024;
constexpr std::size_t flush_bytes = 16 * 1024;
constexpr std::int64_t finish_ns = 20'000'000'000;
/// How often a producer looks whether its profile has begun.
constexpr std::int64_t look_ns = 10'000'000;
constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

/// One for each destination.
std::vector<MessageEncoder> encoders(const WorkerConfig& config) {
  const auto& publish = config.workload.publish;
  MessageEncoder::Settings settings;
  settings.channel = Session::channel;
  settings.producer = static_cast<std::uint16_t>(config.number);
  settings.mandatory = publish.mandatory;
  settings.persistent = publish.persistent;
  settings.priorities = publish.priorities;
  if (publish.expiration) settings.expiration = std::to_string(*publish.expiration / std::chrono::milliseconds{1});
  settings.payload_bytes = static_cast<std::size_t>(config.workload.payload_bytes);
  std::vector<MessageEncoder> out;
  for (const auto& [exchange, routing_key, delay] : model::topology_of(config.workload).destinations) {
    settings.exchange = exchange;
    settings.routing_key = routing_key;
    if (delay) settings.delay_ms = static_cast<std::int32_t>(*delay / std::chrono::milliseconds{1});
    out.emplace_back(settings);
  }
  return out;
}

/// A restarted producer's plan begins now: what fell due while it was dead was never planned by anybody alive.
OpenLoopSchedule schedule_of(const WorkerConfig& config, bool restarted) {
  const std::int64_t now = monotonic_ns();
  const std::int64_t start = config.start_ns == 0 || (restarted && config.start_ns < now) ? now : config.start_ns;
  const auto producers = static_cast<double>(std::max<std::int64_t>(config.workload.producers, 1));
  return {start, config.rate, static_cast<double>(config.number - 1) / producers};
}

class Producer {
 public:
  Producer(const WorkerConfig& config, RingWriter& ring)
      : config_(config),
        publish_(config.workload.publish),
        ring_(ring),
        recorder_(ring),
        link_(config, ring, recorder_),
        encoders_(encoders(config)),
        schedule_(schedule_of(config, ring.restarted())),
        keys_(owned_keys(config), Random{config.seed, worker_name(config) + " keys"}),
        nack_backoff_(publish_.retry, Random{config.seed, worker_name(config) + " nack"}),
        outstanding_(static_cast<std::uint16_t>(publish_.retry.attempts), pending_max,
                     [this](const Completion& completion) { recorder_.complete(completion, number()); }),
        window_(publish_.confirm == Publish::Confirm::simple ? 1 : static_cast<std::size_t>(publish_.window)) {}

  int run() {
    for (;;) {
      const WorkerCommand command = ring_.command();
      if (command == WorkerCommand::abort) std::_Exit(3);  // waits for nothing, not even an attempt to connect
      const std::int64_t now = monotonic_ns();
      if (command == WorkerCommand::finish && finish_by_ns_ == never) begin_finish(now);
      if (finishing() && (done() || now >= finish_by_ns_)) return finish();

      generate(now);
      connect(now);
      send(now);
      receive();
      show();
      link_.wait(next_wake());
    }
  }

 private:
  [[nodiscard]] std::uint16_t number() const { return static_cast<std::uint16_t>(config_.number); }
  [[nodiscard]] bool finishing() const { return finish_by_ns_ != never; }
  [[nodiscard]] bool open_loop() const { return config_.rate > 0; }

  void begin_finish(std::int64_t now) {
    finish_by_ns_ = now + finish_ns;
    ring_.state(WorkerState::finishing);
  }

  [[nodiscard]] bool done() {
    return outstanding_.idle() && link_.session() != nullptr && link_.session()->unsent() == 0;
  }

  int finish() {
    outstanding_.lose(RecordError::timeout);
    outstanding_.give_up(RecordError::not_sent);
    show();
    return link_.close() ? 0 : 3;
  }

  /// The user's publish begins when it is due, connected or not; where publishing blocks, when the one before it is
  /// through.
  void generate(std::int64_t now) {
    if (!open_loop() || finishing()) return;
    follow_profile();
    for (std::int64_t due = schedule_.due_ns(); due <= now && !callers_wait(); due = schedule_.due_ns()) {
      add_message(due);
      schedule_.advance();
      if (publish_.retry.blocking) send(now);
    }
  }

  [[nodiscard]] bool callers_wait() {
    return publish_.retry.blocking && (link_.session() == nullptr || link_.blocked() || outstanding_.backlog() > 0 ||
                                       outstanding_.in_flight() >= window_ || monotonic_ns() < resume_ns_);
  }

  /// The scenario's clock begins with the steady state, which nobody knew when this process was started.
  void follow_profile() {
    const std::int64_t began = ring_.experiment_began_ns();
    if (following_ || began == 0) return;
    following_ = true;
    schedule_.follow(config_.workload.profile, 1.0 / static_cast<double>(config_.workload.producers), began);
  }

  void add_message(std::int64_t intended) {
    OutgoingMessage message;
    message.seq = ring_.next_seq();
    message.op = ring_.next_op();
    message.intended_ns = intended;
    message.key = keys_.next();
    recorder_.invoke(message, number());
    outstanding_.add(message);
  }

  void connect(std::int64_t now) {
    const Link::Step step = link_.step(now);
    if (step == Link::Step::opened) resume_ns_ = 0;
    if (step == Link::Step::exhausted) outstanding_.give_up(RecordError::retries_exhausted);
  }

  void send(std::int64_t now) {
    if (link_.session() == nullptr) return;
    outstanding_.time_out(now);
    Session& session = *link_.session();
    while (!link_.blocked() && now >= resume_ns_ && outstanding_.in_flight() < window_ &&
           session.unsent() < unsent_max) {
      auto next = outstanding_.next();
      if (!next && !open_loop() && !finishing()) {
        add_message(monotonic_ns());
        next = outstanding_.next();
      }
      if (!next) break;
      if (next->resend) {
        next->message.op = ring_.next_op();
        recorder_.invoke(next->message, number());
      }
      encoders_[next->message.seq % encoders_.size()].append(session.out(), next->message);
      if (publish_.confirm == Publish::Confirm::none) {
        outstanding_.sent_unconfirmed(next->message);
      } else {
        outstanding_.sent(next->message, now + publish_.retry.timeout.count());
      }
      // The broker works on the first while the rest is being written.
      if (session.unsent() >= flush_bytes && !session.flush()) break;
    }
    if (!session.flush()) lost(RecordKind::connection_lost, RecordError::connection_lost);
  }

  void lost(RecordKind kind, RecordError error) {
    link_.drop(kind, error);
    outstanding_.lose(error);
    returning_ = false;
  }

  void receive() {
    // Bounded, so that a flood of confirms does not hold up what is due.
    for (int frames = 0; frames < 1000 && link_.session() != nullptr && link_.readable(); ++frames) {
      amqp_frame_t frame;
      const Session::Received received = link_.session()->receive(frame);
      if (received == Session::Received::nothing) return;
      if (received == Session::Received::lost) return lost(RecordKind::connection_lost, RecordError::connection_lost);
      handle(frame);
      if (link_.session() != nullptr && !link_.session()->buffered()) return;
    }
  }

  void handle(const amqp_frame_t& frame) {
    if (frame.frame_type == AMQP_FRAME_HEADER && returning_) {
      const auto* properties = static_cast<const amqp_basic_properties_t*>(frame.payload.properties.decoded);
      const auto headers = read_headers(*properties);
      if (headers && headers->producer == number()) outstanding_.returned(headers->seq, headers->attempt);
      returning_ = false;
      return;
    }
    if (frame.frame_type != AMQP_FRAME_METHOD) return;
    const void* decoded = frame.payload.method.decoded;
    switch (frame.payload.method.id) {
      case AMQP_BASIC_ACK_METHOD: {
        const auto* ack = static_cast<const amqp_basic_ack_t*>(decoded);
        if (outstanding_.confirm(ack->delivery_tag, ack->multiple != 0, true) > 0) nack_backoff_.reset();
        return;
      }
      case AMQP_BASIC_NACK_METHOD: {
        const auto* nack = static_cast<const amqp_basic_nack_t*>(decoded);
        outstanding_.confirm(nack->delivery_tag, nack->multiple != 0, false);
        // The broker said no to one; the next would hear the same. One pause per burst of nacks.
        const std::int64_t now = monotonic_ns();
        if (now >= resume_ns_) resume_ns_ = now + nack_backoff_.next().count();
        return;
      }
      case AMQP_BASIC_RETURN_METHOD:
        returning_ = true;
        return;
      case AMQP_CONNECTION_CLOSE_METHOD:
        return closed(frame, RecordError::connection_lost);
      case AMQP_CHANNEL_CLOSE_METHOD:
        return closed(frame, RecordError::channel_closed);
      default:
        link_.handle_control(frame);
        return;
    }
  }

  void closed(const amqp_frame_t& frame, RecordError error) {
    link_.handle_control(frame);
    outstanding_.lose(error);
    returning_ = false;
  }

  void show() {
    RingCounters& counters = ring_.counters();
    counters.backlog.set(outstanding_.backlog());
    counters.in_flight.set(outstanding_.in_flight());
  }

  [[nodiscard]] std::int64_t next_wake() {
    std::int64_t wake = open_loop() && !finishing() && !callers_wait() ? schedule_.due_ns() : never;
    if (!following_ && !config_.workload.profile.empty()) wake = std::min(wake, monotonic_ns() + look_ns);
    if (link_.session() == nullptr) return wake;
    if (const auto deadline = outstanding_.deadline_ns()) wake = std::min(wake, *deadline);
    if (outstanding_.backlog() > 0 && resume_ns_ > monotonic_ns()) wake = std::min(wake, resume_ns_);
    if (can_send_now()) wake = 0;
    return wake;
  }

  /// The window opened while confirms were read.
  [[nodiscard]] bool can_send_now() {
    return !link_.blocked() && outstanding_.in_flight() < window_ && link_.session()->unsent() < unsent_max &&
           monotonic_ns() >= resume_ns_ && (outstanding_.backlog() > 0 || (!open_loop() && !finishing()));
  }

  const WorkerConfig& config_;
  const Publish& publish_;
  RingWriter& ring_;
  Recorder recorder_;
  Link link_;
  std::vector<MessageEncoder> encoders_;
  OpenLoopSchedule schedule_;
  KeyCycle keys_;
  Backoff nack_backoff_;
  OutstandingPublishes outstanding_;
  std::size_t window_;
  bool following_ = false;      ///< The profile, since the experiment began.
  bool returning_ = false;      ///< A basic.return was read, its content header was not yet.
  std::int64_t resume_ns_ = 0;  ///< Nothing is sent before, because the broker nacked.
  std::int64_t finish_by_ns_ = never;
};

}  // namespace

int run_producer(const WorkerConfig& config, RingWriter& ring) { return Producer{config, ring}.run(); }

}  // namespace troop::agents
