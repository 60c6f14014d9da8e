// The order of things for one message, which makes the evidence outlive the consumer:
//
//   deliver recorded ──► handler works ──► effect recorded ──► ack recorded ──► ack sent
//                                  └─ fails ──► nack or reject recorded ──► sent
//                                          └──► copy published ──► confirmed ──► ack recorded ──► ack sent
//
// With ack_when = "before" the acknowledgement comes right behind the delivery: what dies then is lost to the business.
// With ack `none` the broker has forgotten the message when it arrives here: what a dying process holds is lost.
//
// A reader does the same for a dead-letter queue, except that it records where each message ended, and why. At the end
// of a run it reads out the work queues, too, if consumers do not take what is in them.
#include "agents/workers/consumer.hpp"

#include <algorithm>
#include <cstdlib>
#include <limits>

#include "agents/workers/handler.hpp"
#include "agents/workers/link.hpp"
#include "agents/workers/recorder.hpp"
#include "agents/workers/republisher.hpp"
#include "common/clock.hpp"
#include "scenarios/model/topology.hpp"

namespace troop::agents {
namespace {

using model::Consume;
using protocol::RecordError;
using protocol::RecordKind;

constexpr std::int64_t finish_ns = 20'000'000'000;
constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

class Consumer {
 public:
  Consumer(const WorkerConfig& config, EffectsTable effects, RingWriter& ring)
      : config_(config),
        topology_(model::topology_of(config.workload)),
        consume_(config.workload.consume),
        reads_(config.role == WorkerConfig::Role::reader),
        ring_(ring),
        recorder_(ring, queue_of(config)),
        link_(config, ring, recorder_),
        handler_(config, std::move(effects), ring, recorder_),
        republisher_(config) {}

  int run() {
    for (;;) {
      const WorkerCommand command = ring_.command();
      if (command == WorkerCommand::abort) std::_Exit(3);  // waits for nothing, not even an attempt to connect
      const std::int64_t now = monotonic_ns();
      if (command == WorkerCommand::finish && finish_by_ns_ == never) {
        finish_by_ns_ = now + finish_ns;
        ring_.state(WorkerState::finishing);
      }
      if (cancelled_) return link_.close() ? 0 : 3;
      if (now >= finish_by_ns_) return 3;

      if (link_.step(now) == Link::Step::opened) cancelling_ = false;
      if (finish_by_ns_ != never) cancel();
      receive();
      flush();
      link_.wait(never, room_for_acks());
    }
  }

 private:
  /// From here on the broker sends no more than what is on its way; cancel-ok comes behind the last of it.
  void cancel() {
    if (link_.session() == nullptr || cancelling_) return;
    append_cancel(link_.session()->out(), Session::channel, Session::consumer_tag);
    cancelling_ = true;
  }

  void flush() {
    if (link_.session() != nullptr && !link_.session()->flush()) lost();
  }

  void lost() {
    link_.drop(RecordKind::connection_lost, RecordError::connection_lost);
    forget();
  }

  void forget() {
    republisher_.forget();
    part_ = Part::none;
    cancelling_ = false;
  }

  /// Reads what has arrived. Acks leave a few at a time, and when nothing more is buffered.
  void receive() {
    while (link_.session() != nullptr && link_.readable() && !cancelled_ && room_for_acks()) {
      amqp_frame_t frame;
      const Session::Received received = link_.session()->receive(frame);
      if (received == Session::Received::nothing) return;
      if (received == Session::Received::lost) return lost();
      handle(frame);
      if (ring_.command() == WorkerCommand::abort) return;
      if (link_.session() != nullptr && !link_.session()->buffered()) return;
    }
  }

  /// Without it reading stops: acks that cannot leave must not pile up.
  [[nodiscard]] bool room_for_acks() {
    constexpr std::size_t unsent_max = 8 * 1024;
    return link_.session() == nullptr || link_.session()->unsent() < unsent_max;
  }

  void handle(const amqp_frame_t& frame) {
    switch (frame.frame_type) {
      case AMQP_FRAME_METHOD:
        return handle_method(frame);
      case AMQP_FRAME_HEADER: {
        if (part_ != Part::header) return;
        const auto* properties = static_cast<const amqp_basic_properties_t*>(frame.payload.properties.decoded);
        delivery_.headers = read_headers(*properties);
        if (reads_) death_ = read_death(*properties);
        body_left_ = frame.payload.properties.body_size;
        part_ = Part::body;
        break;
      }
      case AMQP_FRAME_BODY:
        if (part_ != Part::body) return;
        body_left_ -= std::min<std::uint64_t>(body_left_, frame.payload.body_fragment.len);
        break;
      default:
        return;
    }
    if (body_left_ > 0) return;
    part_ = Part::none;
    process();
  }

  void handle_method(const amqp_frame_t& frame) {
    switch (frame.payload.method.id) {
      case AMQP_BASIC_DELIVER_METHOD: {
        const auto* deliver = static_cast<const amqp_basic_deliver_t*>(frame.payload.method.decoded);
        delivery_ = {deliver->delivery_tag, deliver->redelivered != 0, std::nullopt};
        if (reads_) came_by_.assign(static_cast<const char*>(deliver->routing_key.bytes), deliver->routing_key.len);
        part_ = Part::header;
        return;
      }
      case AMQP_BASIC_ACK_METHOD: {
        const auto* ack = static_cast<const amqp_basic_ack_t*>(frame.payload.method.decoded);
        return republished(ack->delivery_tag, ack->multiple != 0, true);
      }
      case AMQP_BASIC_NACK_METHOD: {
        const auto* nack = static_cast<const amqp_basic_nack_t*>(frame.payload.method.decoded);
        return republished(nack->delivery_tag, nack->multiple != 0, false);
      }
      case AMQP_BASIC_CANCEL_OK_METHOD:
        cancelled_ = cancelling_;
        return;
      case AMQP_BASIC_CANCEL_METHOD:
        return cancelled_by_broker();
      default:
        if (!link_.handle_control(frame)) forget();
        return;
    }
  }

  /// The queue was deleted, or moved. Everything that was delivered before has been settled above, in order.
  void cancelled_by_broker() {
    recorder_.connection(RecordKind::connection_cancelled, RecordError::none, link_.channel());
    if (finish_by_ns_ != never) {
      cancelled_ = true;
    } else if (!link_.session()->consume_again(config_)) {
      lost();
    }
  }

  void process() {
    if (reads_) return file_away();
    recorder_.deliver(delivery_, link_.channel());
    if (consume_.ack == Consume::Ack::none) {
      handler_.handle(delivery_);
      recorder_.handled();
      return;
    }
    ring_.counters().unacked.add();
    if (consume_.ack_when == Consume::AckWhen::before) {
      acknowledge(delivery_);
      handler_.handle(delivery_);
      return;
    }
    switch (handler_.handle(delivery_)) {
      case Handler::Outcome::done:
        return acknowledge(delivery_);
      case Handler::Outcome::failed:
        return give_up();
      case Handler::Outcome::aborted:
        return;
    }
  }

  void acknowledge(const Recorder::Delivery& delivery) {
    recorder_.ack(delivery, link_.channel());
    append_ack(link_.session()->out(), Session::channel, delivery.tag, false);
    settled();
  }

  void requeue(const Recorder::Delivery& delivery) {
    recorder_.nack(delivery, link_.channel());
    append_requeue(link_.session()->out(), Session::channel, delivery.tag);
    settled();
  }

  void reject() {
    recorder_.reject(delivery_, link_.channel());
    // Without a dead-letter exchange this is the message's end, and nobody else will ever see it.
    if (!config_.workload.queue.dead_letter && delivery_.headers) {
      recorder_.sink(delivery_, protocol::SinkReason::rejected, static_cast<std::uint16_t>(queue_of(config_)));
    }
    append_reject(link_.session()->out(), Session::channel, delivery_.tag);
    settled();
  }

  void give_up() {
    switch (consume_.on_failure) {
      case Consume::OnFailure::requeue:
        return requeue(delivery_);
      case Consume::OnFailure::reject:
        return reject();
      case Consume::OnFailure::republish:
        republisher_.publish(link_.session()->out(), delivery_);
        return flush();
    }
  }

  void republished(std::uint64_t tag, bool multiple, bool stored) {
    for (const auto& delivery : republisher_.answered(tag, multiple))
      stored ? acknowledge(delivery) : requeue(delivery);
  }

  void settled() {
    ring_.counters().unacked.set(ring_.counters().unacked.get() - 1);
    if (consume_.work.count() > 0 || link_.session()->unsent() >= acks_bytes_) flush();
  }

  /// What no message of the run, or no broker, put into the dead-letter queue is no evidence. In the error queue the
  /// routing key is the consumer's word for the queue that the message left.
  void file_away() {
    const auto& here = topology_.queues.at(queue_of(config_));
    const bool is_error_queue =
        consume_.on_failure == Consume::OnFailure::republish && here.name == consume_.error.queue;
    if (is_error_queue) death_ = Death{came_by_, protocol::SinkReason::dead_lettered};
    if (here.use == model::QueueDeclaration::Use::work) death_ = Death{here.name, protocol::SinkReason::queued};
    const auto left = death_ ? std::ranges::find(topology_.queues, death_->queue, &model::QueueDeclaration::name)
                             : topology_.queues.end();
    ring_.counters().delivered.add();
    if (delivery_.headers && left != topology_.queues.end()) {
      recorder_.sink(delivery_, death_->reason, static_cast<std::uint16_t>(left - topology_.queues.begin()));
    }
    ring_.counters().unacked.add();
    append_ack(link_.session()->out(), Session::channel, delivery_.tag, false);
    ring_.counters().settled.add();
    settled();
  }

  /// An eighth of the prefetch window: the broker refills it while the rest is worked on.
  static std::size_t acks_bytes(const Consume& consume) {
    constexpr std::size_t ack_bytes = 21;
    const std::int64_t window = consume.prefetch > 0 ? consume.prefetch : 512;
    return ack_bytes * static_cast<std::size_t>(std::clamp<std::int64_t>(window / 8, 1, 64));
  }

  enum class Part { none, header, body };

  const WorkerConfig& config_;
  const model::Topology topology_;
  const Consume& consume_;
  const bool reads_;
  RingWriter& ring_;
  Recorder recorder_;
  Link link_;
  Handler handler_;
  Republisher republisher_;
  Recorder::Delivery delivery_;
  std::string came_by_;                            ///< The routing key, a reader's.
  std::optional<Death> death_;                     ///< A reader's.
  std::size_t acks_bytes_ = acks_bytes(consume_);  ///< So many bytes of acks are sent without waiting for more.
  Part part_ = Part::none;
  std::uint64_t body_left_ = 0;
  bool cancelling_ = false;
  bool cancelled_ = false;
  std::int64_t finish_by_ns_ = never;
};

}  // namespace

int run_consumer(const WorkerConfig& config, EffectsTable effects, RingWriter& ring) {
  return Consumer{config, std::move(effects), ring}.run();
}

}  // namespace troop::agents
