#include "reports/invariants/ledger.hpp"

#include <algorithm>

namespace troop::invariants {
namespace {

using history::Event;
using history::Subject;
using history::Type;

Row row_of(std::int64_t index) { return static_cast<Row>(index); }

std::uint8_t sink_bit(std::string_view reason) {
  if (reason == "dead-lettered") return dead_lettered;
  if (reason == "expired") return expired;
  if (reason == "rejected") return rejected;
  if (reason == "overflow") return overflow;
  if (reason == "queued") return queued;
  return unknown_sink;
}

}  // namespace

Delivery Ledger::observe(const Event& event) {
  switch (event.f) {
    case Subject::publish:
      if (event.type == Type::invoke)
        invoke(event);
      else
        complete(event);
      return {};
    case Subject::deliver:
      return event.type == Type::ok ? deliver(event) : Delivery{};
    case Subject::ack:
    case Subject::nack:
    case Subject::reject:
      // One that was only asked for, or failed, settles nothing.
      if (event.type != Type::info && event.type != Type::ok) return {};
      if (event.f == Subject::ack) ++acks_;
      settle_delivery(event);
      return {};
    case Subject::sink:
      if (event.type == Type::ok) sink(event);
      return {};
    case Subject::effect:
      if (event.type == Type::ok) effect(event);
      return {};
    case Subject::drain:
      if (event.type == Type::ok) drain(event);
      return {};
    default:
      return {};
  }
}

std::int64_t Ledger::in_flight(std::string_view process) const {
  const Symbol name = names_.find(process);
  return name != no_symbol && consumers_.contains(name) ? std::max(outstanding_, waiting_) : outstanding_;
}

Symbol Ledger::message_of(std::string_view id) {
  const Symbol row = ids_.intern(id);
  if (row == messages_.size()) messages_.push_back({});
  return row;
}

Row Ledger::add_attempt(Row message_row, const Event& event) {
  Message& message = messages_[message_row];
  const auto row = static_cast<Row>(attempts_.size());
  Attempt& attempt = attempts_.push_back({});
  attempt.number = static_cast<std::int32_t>(std::min<std::int64_t>(event.attempt, INT32_MAX));
  attempt.message = message_row;
  attempt.route = route_of(event);
  if (message.first_attempt == none)
    message.first_attempt = row;
  else
    attempts_[message.last_attempt].next = row;
  message.last_attempt = row;
  if (message.first_publish == none) {
    message.first_publish = row_of(event.index);
    if (message.first_copy == none) ++waiting_;
  }
  message.last_publish = row_of(event.index);
  if (attempt.number >= 0 && (message.lowest_attempt < 0 || attempt.number < message.lowest_attempt)) {
    message.lowest_attempt = attempt.number;
  }
  if (message.producer == no_symbol && !event.process.empty()) {
    message.producer = names_.intern(event.process);
  }
  if (message.key == no_symbol && !event.key.empty()) message.key = names_.intern(event.key);
  if (message.seq < 0) message.seq = event.seq;
  return row;
}

void Ledger::invoke(const Event& event) {
  ++published_;
  ++outstanding_;
  if (event.id.empty()) {
    ++unidentified_;
    return;
  }
  const Row row = add_attempt(message_of(event.id), event);
  attempts_[row].invoke = row_of(event.index);
  if (event.op >= 0) open_ops_[OpKey{names_.intern(event.process), event.op}] = row;
}

/// By `op` within the process; where that does not lead to this message, by id and attempt, the oldest open one first.
Row Ledger::find_attempt(const Event& event, Symbol process) {
  if (event.op >= 0) {
    const auto open = open_ops_.find(OpKey{process, event.op});
    if (open != open_ops_.end()) {
      const Row row = open->second;
      if (event.id.empty() || ids_.text(attempts_[row].message) == event.id) {
        if (event.type != Type::info) open_ops_.erase(open);
        return row;
      }
    }
  }
  if (event.id.empty()) return none;
  const Symbol id = ids_.find(event.id);
  if (id == no_symbol) return none;
  Row settled = none;
  for (Row row = messages_[id].first_attempt; row != none; row = attempts_[row].next) {
    const Attempt& attempt = attempts_[row];
    if (event.attempt >= 0 && attempt.number >= 0 && attempt.number != event.attempt) continue;
    if (attempt.fate == Fate::open) return row;
    if (settled == none || attempt.fate == Fate::unknown) settled = row;
  }
  return settled;
}

void Ledger::complete(const Event& event) {
  Row row = find_attempt(event, names_.intern(event.process));
  if (row == none) {
    if (event.id.empty()) {
      ++unidentified_;
      return;
    }
    row = add_attempt(message_of(event.id), event);
  } else if (attempts_[row].fate == Fate::open) {
    --outstanding_;
  }
  Attempt& attempt = attempts_[row];
  // What is certain is not taken back; a confirm that comes after "unknown" settles it.
  if (attempt.fate == Fate::confirmed || attempt.fate == Fate::failed) return;
  attempt.fate = event.type == Type::ok ? Fate::confirmed : event.type == Type::fail ? Fate::failed : Fate::unknown;
  attempt.nacked = event.error == "nack";
  attempt.completion = row_of(event.index);
}

Row Ledger::copy_of(Row message_row, Symbol queue) {
  Message& message = messages_[message_row];
  Row last = none;
  for (Row row = message.first_copy; row != none; row = copies_[row].next) {
    Copy& copy = copies_[row];
    if (copy.queue == queue || queue == no_symbol) return row;
    if (copy.queue == no_symbol) {
      copy.queue = queue;
      return row;
    }
    last = row;
  }
  if (last == none && message.first_publish != none) --waiting_;
  const auto row = static_cast<Row>(copies_.size());
  Copy& copy = copies_.push_back({});
  copy.message = message_row;
  copy.queue = queue;
  (last == none ? message.first_copy : copies_[last].next) = row;
  return row;
}

/// Remembers that this attempt was delivered; true if it was before.
bool Ledger::mark_attempt(Copy& copy, Row row, std::int64_t number) {
  if (number + 1 < 32) {
    const std::uint32_t bit = 1U << static_cast<unsigned>(number + 1);
    const bool before = (copy.attempts & bit) != 0;
    copy.attempts |= bit;
    return before;
  }
  const auto mixed = static_cast<std::uint64_t>(number) * 0x9e3779b97f4a7c15U;
  return !late_attempts_.insert((std::uint64_t{row} << 32) | (mixed >> 32)).second;
}

Delivery Ledger::deliver(const Event& event) {
  ++deliveries_;
  if (event.id.empty()) {
    ++unidentified_;
    return {};
  }
  const Row message_row = message_of(event.id);
  const Message& message = messages_[message_row];
  const Symbol consumer = names_.intern(event.process);
  if (consumer != last_consumer_) consumers_.insert(last_consumer_ = consumer);
  Symbol queue = no_symbol;
  if (!event.queue.empty()) {
    queue = names_.intern(event.queue);
    Queue& state = queue_state(queue);
    // A message published before the drain, read after it: the drain was not the queue's end.
    if (state.drained_at != none && message.last_publish != none && message.last_publish < state.drained_at) {
      state.drained_at = none;
    }
  }
  const Row row = copy_of(message_row, queue);
  Copy& copy = copies_[row];
  const bool first = copy.first_delivery == none;
  const bool unsaid_before = (copy.attempts & 1U) != 0;
  const bool same_attempt = mark_attempt(copy, row, event.attempt) || unsaid_before || (event.attempt < 0 && !first);
  if (copy.unrefused < UINT16_MAX) ++copy.unrefused;
  if (first)
    copy.first_delivery = row_of(event.index);
  else
    repeats_.push_back({row, row_of(event.index), same_attempt && event.redelivered});
  if (event.tag >= 0) {
    auto& unacked = channel_of(event).unacked;
    // Tags rise within a channel and begin at 1: histories without channel epochs start over after a reconnect.
    if (event.tag == 1) unacked.clear();
    auto at = unacked.end();
    while (at != unacked.begin() && std::prev(at)->tag >= event.tag) --at;
    if (at != unacked.end() && at->tag == event.tag)
      at->copy = row;
    else
      unacked.insert(at, Unacked{event.tag, row});
  } else {
    copy.untagged = true;
  }
  const bool first_attempt =
      event.attempt < 0 || (message.lowest_attempt < 0 ? event.attempt <= 1 : event.attempt == message.lowest_attempt);
  return {row, first, first_attempt};
}

void Ledger::settle_delivery(const Event& event) {
  if (event.tag < 0) return;
  auto& unacked = channel_of(event).unacked;
  const auto settle = [&](const Unacked& delivery) {
    Copy& copy = copies_[delivery.copy];
    if (event.f == Subject::ack)
      copy.acknowledged = true;
    else if (copy.unrefused > 0)
      --copy.unrefused;
  };
  if (event.multiple) {
    while (!unacked.empty() && (event.tag == 0 || unacked.front().tag <= event.tag)) {
      settle(unacked.front());
      unacked.pop_front();
    }
    return;
  }
  const auto at = std::lower_bound(unacked.begin(), unacked.end(), event.tag,
                                   [](const Unacked& delivery, std::int64_t tag) { return delivery.tag < tag; });
  if (at == unacked.end() || at->tag != event.tag) return;
  settle(*at);
  unacked.erase(at);
}

void Ledger::sink(const Event& event) {
  if (event.id.empty()) {
    ++unidentified_;
    return;
  }
  Symbol queue = no_symbol;
  if (!event.queue.empty()) queue_state(queue = names_.intern(event.queue));
  Copy& copy = copies_[copy_of(message_of(event.id), queue)];
  copy.sinks = static_cast<std::uint8_t>(copy.sinks | sink_bit(event.value));
}

/// A service's effect that names no message is none of ours.
void Ledger::effect(const Event& event) {
  if (event.id.empty()) return;
  ++effects_;
  Symbol queue = no_symbol;
  if (!event.queue.empty()) queue = names_.intern(event.queue);
  const Row row = copy_of(message_of(event.id), queue);
  Copy& copy = copies_[row];
  if (copy.first_effect == none)
    copy.first_effect = row_of(event.index);
  else
    double_effects_.push_back({row, row_of(event.index), false});
  if (copy.queue != no_symbol) queue_state(copy.queue).effects = true;
}

void Ledger::drain(const Event& event) {
  if (event.queue.empty()) {
    all_drained_at_ = row_of(event.index);
    for (auto& queue : queues_) queue.drained_at = queue.seen ? row_of(event.index) : queue.drained_at;
  } else {
    queue_state(names_.intern(event.queue)).drained_at = row_of(event.index);
  }
}

Ledger::Queue& Ledger::queue_state(Symbol queue) {
  if (queues_.size() <= queue) queues_.resize(queue + 1);
  Queue& state = queues_[queue];
  state.seen = true;
  return state;
}

Ledger::Channel& Ledger::channel_of(const Event& event) {
  const Symbol process = names_.intern(event.process);
  const std::uint64_t key = (std::uint64_t{process} << 32) | names_.intern(event.channel);
  if (last_channel_ == SIZE_MAX || key != last_channel_key_) {
    const auto [found, fresh] = channel_rows_.try_emplace(key, channels_.size());
    if (fresh) channels_.emplace_back();
    last_channel_key_ = key;
    last_channel_ = found->second;
  }
  return channels_[last_channel_];
}

}  // namespace troop::invariants
