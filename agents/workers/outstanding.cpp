#include "agents/workers/outstanding.hpp"

#include <algorithm>

namespace troop::agents {

using protocol::RecordError;
using protocol::RecordKind;

void OutstandingPublishes::add(const OutgoingMessage& message) {
  if (pending_.size() >= pending_max_) {
    on_completion_({message, RecordKind::publish_fail, RecordError::not_sent});
    return;
  }
  pending_.push_back(message);
}

std::optional<OutstandingPublishes::Next> OutstandingPublishes::next() const {
  if (!resends_.empty()) {
    Next next{resends_.top(), true};
    ++next.message.attempt;
    next.message.op = 0;
    return next;
  }
  if (!pending_.empty()) return Next{pending_.front(), false};
  return std::nullopt;
}

std::uint64_t OutstandingPublishes::sent(const OutgoingMessage& message, std::int64_t deadline_ns) {
  if (!resends_.empty()) {
    resends_.pop();
  } else {
    pending_.pop_front();
  }
  slots_.push_back({message, deadline_ns});
  ++waiting_;
  return first_tag_ + slots_.size() - 1;
}

void OutstandingPublishes::sent_unconfirmed(const OutgoingMessage& message) {
  if (!resends_.empty()) {
    resends_.pop();
  } else {
    pending_.pop_front();
  }
  on_completion_({message, RecordKind::publish_info, RecordError::unconfirmed});
}

std::size_t OutstandingPublishes::confirm(std::uint64_t tag, bool multiple, bool ok) {
  if (tag < first_tag_ && !(multiple && tag == 0)) return 0;
  // Tag 0 with `multiple` means everything so far (AMQP 0-9-1, basic.ack).
  const std::uint64_t last = multiple && tag == 0 ? first_tag_ + slots_.size() - 1 : tag;
  if (last >= first_tag_ + slots_.size()) return 0;
  const std::size_t before = waiting_;
  for (std::uint64_t each = multiple ? first_tag_ : last; each <= last; ++each) {
    Slot& slot = slots_[static_cast<std::size_t>(each - first_tag_)];
    if (slot.waiting) answer(slot, ok);
  }
  drop_answered();
  return before - waiting_;
}

void OutstandingPublishes::answer(Slot& slot, bool ok) {
  slot.waiting = false;
  --waiting_;
  if (slot.returned) {
    on_completion_({slot.message, RecordKind::publish_fail, RecordError::returned});
  } else if (ok) {
    on_completion_({slot.message, RecordKind::publish_ok, RecordError::none});
  } else {
    on_completion_({slot.message, RecordKind::publish_fail, RecordError::nack});
    retry_later(slot.message);
  }
}

bool OutstandingPublishes::returned(std::uint64_t seq, std::uint16_t attempt) {
  const auto found = std::find_if(slots_.begin(), slots_.end(), [&](const Slot& slot) {
    return slot.waiting && slot.message.seq == seq && slot.message.attempt == attempt && !slot.returned;
  });
  if (found == slots_.end()) return false;
  found->returned = true;
  return true;
}

std::size_t OutstandingPublishes::time_out(std::int64_t now_ns) {
  std::size_t count = 0;
  for (Slot& slot : slots_) {
    if (slot.deadline_ns > now_ns) break;  // deadlines never decrease along the tags
    if (!slot.waiting) continue;
    slot.waiting = false;
    --waiting_;
    ++count;
    on_completion_({slot.message, RecordKind::publish_info, RecordError::timeout});
    retry_later(slot.message);
  }
  drop_answered();
  return count;
}

void OutstandingPublishes::lose(RecordError error) {
  for (const Slot& slot : slots_) {
    if (!slot.waiting) continue;
    if (slot.returned) {  // certain: it was routed nowhere, only the ack that closes the matter is missing
      on_completion_({slot.message, RecordKind::publish_fail, RecordError::returned});
      continue;
    }
    on_completion_({slot.message, RecordKind::publish_info, error});
    retry_later(slot.message);
  }
  slots_.clear();
  waiting_ = 0;
  first_tag_ = 1;
}

std::size_t OutstandingPublishes::give_up(RecordError error) {
  const std::size_t count = backlog();
  exhausted_ += count;
  resends_ = {};
  while (!pending_.empty()) {
    const OutgoingMessage message = pending_.front();
    pending_.pop_front();
    on_completion_({message, RecordKind::publish_fail, error});
  }
  return count;
}

std::optional<std::int64_t> OutstandingPublishes::deadline_ns() const {
  if (slots_.empty()) return std::nullopt;
  return slots_.front().deadline_ns;  // the front is always waiting: drop_answered()
}

void OutstandingPublishes::retry_later(const OutgoingMessage& message) {
  if (message.attempt >= attempts_max_) {
    ++exhausted_;
    return;
  }
  resends_.push(message);
}

void OutstandingPublishes::drop_answered() {
  // A timed-out slot at the front is dropped as well: a late confirm of its tag is below first_tag_ and ignored.
  while (!slots_.empty() && !slots_.front().waiting) {
    slots_.pop_front();
    ++first_tag_;
  }
}

}  // namespace troop::agents
