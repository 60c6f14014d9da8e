#include "reports/invariants/copies.hpp"

#include <algorithm>

namespace troop::invariants {
namespace {

bool contains(const std::vector<Symbol>& queues, Symbol queue) {
  return std::find(queues.begin(), queues.end(), queue) != queues.end();
}

/// Whether this attempt may have put the message into `queue`. Bindings change while a run goes on, so only a publish
/// that names its queue rules out the others.
bool reaches(const Ledger& ledger, const Attempt& attempt, Symbol queue) {
  const auto& queues = ledger.queues(attempt);
  return queue == no_symbol || queues.empty() || !ledger.names_queue(attempt) || contains(queues, queue);
}

CopyView view(const Ledger& ledger, Row message_row, Symbol queue, const Copy* copy) {
  CopyView result;
  result.message = message_row;
  result.queue = queue;
  result.copy = copy;
  Row last_publish = none;
  for (Row row = ledger.message(message_row).first_attempt; row != none; row = ledger.attempt(row).next) {
    const Attempt& attempt = ledger.attempt(row);
    if (!reaches(ledger, attempt, queue)) continue;
    const Row event = attempt.invoke != none ? attempt.invoke : attempt.completion;
    if (!result.published) result.first_publish = event;
    result.published = true;
    last_publish = event;
    switch (ledger.fate(attempt)) {
      case Fate::confirmed:
        if (!result.confirmed) result.confirmed_by = row;
        result.confirmed = true;
        break;
      case Fate::failed:
        if (result.failed_by == none) result.failed_by = row;
        break;
      default:
        result.indeterminate = true;
    }
  }
  result.drained = ledger.drained(queue, last_publish);
  return result;
}

}  // namespace

void for_each_copy(const Ledger& ledger, const std::function<void(const CopyView&)>& visit) {
  std::vector<Symbol> due;
  for (Row message_row = 0; message_row < ledger.message_count(); ++message_row) {
    const Message& message = ledger.message(message_row);
    due.clear();
    for (Row row = message.first_attempt; row != none; row = ledger.attempt(row).next) {
      for (const Symbol queue : ledger.queues(ledger.attempt(row))) {
        if (!contains(due, queue)) due.push_back(queue);
      }
    }
    bool unnamed = false;
    for (Row row = message.first_copy; row != none; row = ledger.copy(row).next) {
      const Copy& copy = ledger.copy(row);
      // A copy that names no queue is the only one there can be, or stands for one that we cannot tell.
      const Symbol queue = copy.queue == no_symbol && due.size() == 1 ? due.front() : copy.queue;
      unnamed = unnamed || queue == no_symbol;
      visit(view(ledger, message_row, queue, &copy));
      std::erase(due, queue);
    }
    for (const Symbol queue : due) {
      auto missing = view(ledger, message_row, queue, nullptr);
      missing.unclear = unnamed;
      visit(missing);
    }
    // Published to who knows where, and never seen: one copy, wherever it would have shown up.
    const bool nowhere = message.first_copy == none && message.first_attempt != none;
    if (nowhere && due.empty()) visit(view(ledger, message_row, no_symbol, nullptr));
  }
}

}  // namespace troop::invariants
