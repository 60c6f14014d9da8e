// The book-keeping of a producer, without sockets and clocks: what waits to be sent, what was sent and waits for its
// confirm, what must be sent again. It decides, and says what has to be recorded; the producer records and sends.
//
//            add()                next() + sent()               confirm()
//   planned ───────► pending ─────────────────────► in flight ─────────────► done
//                                     ▲                 │ lose(), time_out(), nack
//                                     └──── resends ◄───┘        (in sequence order, before anything pending)
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <queue>
#include <vector>

#include "agents/protocol/record.hpp"

namespace troop::agents {

/// One message of this producer on its way.
struct OutgoingMessage {
  std::uint64_t seq = 0;
  std::uint64_t op = 0;  ///< Of the current attempt.
  std::int64_t intended_ns = 0;
  std::uint32_t key = 0;
  std::uint16_t attempt = 1;  ///< The current one; the first is invoked when the message is added.
};

/// The end of one attempt.
struct Completion {
  OutgoingMessage message;
  protocol::RecordKind kind{};  ///< publish_ok, publish_fail or publish_info.
  protocol::RecordError error{};
};

/// Tags are those of publisher confirms: 1, 2, 3 … per channel, in the order of sent().
class OutstandingPublishes {
 public:
  using OnCompletion = std::function<void(const Completion&)>;

  /// `attempts_max`: publishes of one message, the first included.
  OutstandingPublishes(std::uint16_t attempts_max, std::size_t pending_max, OnCompletion on_completion)
      : attempts_max_(attempts_max), pending_max_(pending_max), on_completion_(std::move(on_completion)) {}

  /// A new message, its first attempt already invoked. A full queue completes it: fail, not_sent.
  void add(const OutgoingMessage& message);

  /// What has to be sent next: a resend in sequence order, else the oldest pending message; none: nothing waits.
  /// A resend comes with its attempt raised and `op` 0: the caller gives it a new one and records the invoke.
  struct Next {
    OutgoingMessage message;
    bool resend = false;
  };
  [[nodiscard]] std::optional<Next> next() const;
  /// `message` (from next(), with its op) goes out now; its confirm must come until `deadline_ns`. Returns its tag.
  std::uint64_t sent(const OutgoingMessage& message, std::int64_t deadline_ns);
  /// `message` went out on a channel without confirms: completes it as info, unconfirmed.
  void sent_unconfirmed(const OutgoingMessage& message);

  /// The broker's ack (`ok`) or nack of a tag, or of all tags up to it. A nack is a certain failure and is sent again.
  /// Tags never used, answered already or timed out are ignored. Returns how many attempts were completed.
  std::size_t confirm(std::uint64_t tag, bool multiple, bool ok);
  /// basic.return: this attempt was routed nowhere. Its ack, which follows, completes it as fail, returned, for good.
  /// False: no such attempt is in flight.
  bool returned(std::uint64_t seq, std::uint16_t attempt);
  /// Completes every attempt whose deadline has come: info, timeout; each is sent again. Its tag stays reserved.
  std::size_t time_out(std::int64_t now_ns);
  /// The channel is gone and with it all tags: completes everything in flight as info with `error`, to be sent again.
  void lose(protocol::RecordError error);
  /// Gives up on everything that waits. What was never sent fails with `error`; what waits to be sent again keeps its
  /// last completion.
  std::size_t give_up(protocol::RecordError error);

  /// When the oldest attempt in flight times out; none: nothing is in flight.
  [[nodiscard]] std::optional<std::int64_t> deadline_ns() const;
  [[nodiscard]] std::size_t in_flight() const { return waiting_; }
  [[nodiscard]] std::size_t backlog() const { return pending_.size() + resends_.size(); }
  [[nodiscard]] bool idle() const { return waiting_ == 0 && backlog() == 0; }
  /// Messages that ended without any attempt confirmed or certainly useless: all attempts used up.
  [[nodiscard]] std::uint64_t exhausted() const { return exhausted_; }

 private:
  struct Slot {
    OutgoingMessage message;
    std::int64_t deadline_ns = 0;
    bool waiting = true;  ///< False: completed, or timed out; only the tag's place is kept.
    bool returned = false;
  };
  struct LaterSeq {
    bool operator()(const OutgoingMessage& a, const OutgoingMessage& b) const { return a.seq > b.seq; }
  };

  void answer(Slot& slot, bool ok);
  void retry_later(const OutgoingMessage& message);
  void drop_answered();

  std::uint16_t attempts_max_;
  std::size_t pending_max_;
  OnCompletion on_completion_;
  std::deque<OutgoingMessage> pending_;
  std::priority_queue<OutgoingMessage, std::vector<OutgoingMessage>, LaterSeq> resends_;
  std::deque<Slot> slots_;  ///< Tags first_tag_, first_tag_ + 1, …
  std::uint64_t first_tag_ = 1;
  std::size_t waiting_ = 0;
  std::uint64_t exhausted_ = 0;
};

}  // namespace troop::agents
