// Who sent what, and where each copy of it went: the per-message state that delivery, order and accounting share.
//
// Sized for millions of messages: texts are interned, event indexes are 32 bits, and each list is linked by number
// inside one growing table. About 150 bytes per message with one attempt and one copy.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "reports/history/event.hpp"
#include "reports/invariants/run_info.hpp"
#include "reports/invariants/symbols.hpp"

namespace troop::invariants {

/// An event's index, or a row of one of the tables below.
using Row = std::uint32_t;
inline constexpr Row none = UINT32_MAX;

enum class Fate : std::uint8_t { open, confirmed, failed, unknown };

/// One publish of a message.
struct Attempt {
  std::int32_t number = -1;  ///< -1 where the history does not say.
  Row message = none;
  Row invoke = none;      ///< Event index.
  Row completion = none;  ///< Event index.
  Row next = none;        ///< The message's next attempt.
  Row route = none;
  Fate fate = Fate::open;
  bool nacked = false;
};

/// One message; its row is the symbol of its id.
struct Message {
  Row first_attempt = none;
  Row last_attempt = none;
  Row first_copy = none;
  Row first_publish = none;  ///< Event index.
  Row last_publish = none;   ///< Event index of the last invoke.
  std::int32_t lowest_attempt = -1;
  Symbol producer = no_symbol;  ///< The process that published it.
  Symbol key = no_symbol;
  std::int64_t seq = -1;
};

/// Sinks as bits of Copy::sinks.
enum Sink : std::uint8_t {
  dead_lettered = 1,
  expired = 2,
  rejected = 4,
  overflow = 8,
  queued = 16,
  unknown_sink = 128
};

/// One message in one queue.
struct Copy {
  Row message = none;
  Row next = none;             ///< The message's next copy.
  Symbol queue = no_symbol;    ///< no_symbol where the history does not say.
  Row first_delivery = none;   ///< Event index; none: only in a sink so far.
  Row first_effect = none;     ///< Event index of what a handler did for it.
  std::uint32_t attempts = 0;  ///< Bit n + 1: attempt n was delivered; bit 0: a delivery did not say which.
  std::uint8_t sinks = 0;
  bool acknowledged = false;
  std::uint16_t unrefused = 0;  ///< Deliveries of it that were neither nacked nor rejected.
  bool untagged = false;        ///< A delivery of it had no tag, so that no ack can name it.
};

/// A second or later delivery.
struct Repeat {
  Row copy = none;
  Row event = none;
  bool redelivered = false;  ///< Of the same attempt, with the flag; else it counts as duplicated.
};

/// What a deliver event turned out to be.
struct Delivery {
  Row copy = none;
  bool first = false;          ///< The first delivery of this copy.
  bool first_attempt = false;  ///< It came from the message's first attempt.
};

class Ledger {
 public:
  /// Takes in one event, in history order. For a `deliver` with an id the result names the copy.
  Delivery observe(const history::Event& event);

  [[nodiscard]] std::int64_t published() const { return published_; }  ///< Publishes invoked so far.
  /// What `process` would interrupt if it were broken now: publishes without any completion; for a process that has
  /// taken deliveries also, if they are more, messages published and not delivered yet.
  [[nodiscard]] std::int64_t in_flight(std::string_view process) const;
  [[nodiscard]] std::int64_t deliveries() const { return deliveries_; }
  [[nodiscard]] std::int64_t acks() const { return acks_; }
  /// Publishes and deliveries without an id: nothing can be said about them.
  [[nodiscard]] std::int64_t unidentified() const { return unidentified_; }

  [[nodiscard]] std::size_t message_count() const { return messages_.size(); }
  [[nodiscard]] const Message& message(Row row) const { return messages_[row]; }
  [[nodiscard]] const Attempt& attempt(Row row) const { return attempts_[row]; }
  [[nodiscard]] const Copy& copy(Row row) const { return copies_[row]; }
  [[nodiscard]] std::size_t copy_count() const { return copies_.size(); }
  [[nodiscard]] std::size_t attempt_count() const { return attempts_.size(); }
  [[nodiscard]] const Chunked<Repeat>& repeats() const { return repeats_; }
  /// Second and later effects of one copy.
  [[nodiscard]] const Chunked<Repeat>& double_effects() const { return double_effects_; }
  [[nodiscard]] std::int64_t effects() const { return effects_; }
  [[nodiscard]] std::string_view id(Row message) const { return ids_.text(message); }

  /// Processes, keys, queues, channels.
  [[nodiscard]] Symbol name(std::string_view text) { return names_.intern(text); }
  [[nodiscard]] std::string_view name_of(Symbol symbol) const { return names_.text(symbol); }

  /// The queues of an attempt's route, sorted; empty where they are not known. Call resolve_routes() first.
  [[nodiscard]] const std::vector<Symbol>& queues(const Attempt& attempt) const;
  /// Whether the publish named its queue, so that a delivery from another one was never published there.
  [[nodiscard]] bool names_queue(const Attempt& attempt) const;
  void resolve_routes(const RunInfo& run);
  /// The fate of an attempt as a person may rely on it: with several queues bound, a nack proves nothing.
  [[nodiscard]] Fate fate(const Attempt& attempt) const;
  /// Index of the drain that proves a queue read to its end after event `published`; none where there is no such drain.
  /// For no_symbol, all queues seen must be drained.
  [[nodiscard]] Row drained(Symbol queue, Row published) const;
  /// Whether those who read this queue record what they did for each message.
  [[nodiscard]] bool records_effects(Symbol queue) const {
    return queue == no_symbol ? effects_ > 0 : queue < queues_.size() && queues_[queue].effects;
  }

 private:
  struct Route {
    std::string exchange;
    std::string routing_key;
    bool named = false;  ///< routing_key is the queue.
    bool stated = false;
    std::vector<Symbol> queues;
  };
  struct OpKey {
    Symbol process;
    std::int64_t op;
    bool operator==(const OpKey&) const = default;
  };
  struct OpHash {
    std::size_t operator()(const OpKey& key) const {
      return static_cast<std::size_t>(key.op) * 0x9e3779b97f4a7c15U + key.process;
    }
  };
  struct Unacked {
    std::int64_t tag;
    Row copy;
  };
  struct Channel {
    std::deque<Unacked> unacked;  ///< By tag.
  };
  struct Queue {
    Row drained_at = none;
    bool seen = false;
    bool effects = false;
  };

  void invoke(const history::Event& event);
  void complete(const history::Event& event);
  Row find_attempt(const history::Event& event, Symbol process);
  Row add_attempt(Row message, const history::Event& event);
  Delivery deliver(const history::Event& event);
  void sink(const history::Event& event);
  void effect(const history::Event& event);
  void drain(const history::Event& event);
  void settle_delivery(const history::Event& event);
  Symbol message_of(std::string_view id);
  Row copy_of(Row message, Symbol queue);
  Row route_of(const history::Event& event);
  Queue& queue_state(Symbol queue);
  Channel& channel_of(const history::Event& event);
  bool mark_attempt(Copy& copy, Row row, std::int64_t number);

  Symbols ids_;
  Symbols names_;
  Symbols route_names_;
  Symbol last_route_ = no_symbol;
  std::uint64_t last_channel_key_ = 0;
  std::size_t last_channel_ = SIZE_MAX;
  std::vector<Route> routes_;
  Chunked<Message> messages_;
  Chunked<Attempt> attempts_;
  Chunked<Copy> copies_;
  Chunked<Repeat> repeats_;
  Chunked<Repeat> double_effects_;
  boost::unordered_flat_map<OpKey, Row, OpHash> open_ops_;
  boost::unordered_flat_set<std::uint64_t> late_attempts_;  ///< Delivered attempts beyond Copy::attempts.
  boost::unordered_flat_map<std::uint64_t, std::size_t> channel_rows_;
  std::vector<Channel> channels_;
  std::vector<Queue> queues_;  ///< By symbol.
  Row all_drained_at_ = none;  ///< A drain event that names no queue.
  std::string route_text_;
  std::int64_t published_ = 0;
  std::int64_t outstanding_ = 0;
  std::int64_t waiting_ = 0;  ///< Messages published, and neither delivered nor in a sink so far.
  boost::unordered_flat_set<Symbol> consumers_;
  Symbol last_consumer_ = no_symbol;
  std::int64_t deliveries_ = 0;
  std::int64_t acks_ = 0;
  std::int64_t unidentified_ = 0;
  std::int64_t effects_ = 0;  ///< That name a message.
};

}  // namespace troop::invariants
