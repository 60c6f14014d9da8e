// Every copy of every message, seen or only due, with what is known of its publishing.
#pragma once

#include <functional>

#include "reports/invariants/ledger.hpp"

namespace troop::invariants {

/// One message in one queue, as delivery and accounting judge it.
struct CopyView {
  Row message = none;
  Symbol queue = no_symbol;    ///< no_symbol: nobody said.
  const Copy* copy = nullptr;  ///< Null: nothing was seen of it.
  bool published = false;
  bool confirmed = false;
  bool indeterminate = false;
  Row confirmed_by = none;   ///< The first attempt that was confirmed.
  Row failed_by = none;      ///< The first attempt that certainly failed.
  Row first_publish = none;  ///< Event index.
  Row drained = none;        ///< Index of the drain that proves the queue read to its end; none: not proven.
  bool unclear = false;      ///< It may be among copies whose queue the history does not name.

  [[nodiscard]] bool delivered() const { return copy != nullptr && copy->first_delivery != none; }
  [[nodiscard]] bool processed() const { return copy != nullptr && copy->first_effect != none; }
  [[nodiscard]] bool sunk() const { return copy != nullptr && copy->sinks != 0; }
};

/// In the order of the messages' first appearance. Call Ledger::resolve_routes() first.
void for_each_copy(const Ledger& ledger, const std::function<void(const CopyView&)>& visit);

}  // namespace troop::invariants
