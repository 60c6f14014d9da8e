// The same table with the code behind each entry: only the judge needs it.
#pragma once

#include <span>

#include "reports/invariants/invariant.hpp"
#include "scenarios/model/catalogue.hpp"

namespace troop::invariants {

struct TableEntry {
  model::InvariantEntry entry;
  MakeInvariant make;
};

std::span<const TableEntry> table();

}  // namespace troop::invariants
