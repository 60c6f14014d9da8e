// The definitions of architecture, once more: written to be obviously right, not to be fast, and sharing no code with
// reports/. It looks at the whole history again for every question.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "tests/support/checker_histories.hpp"

namespace troop::testing_support {

struct Opinion {
  std::map<std::string, std::int64_t> counts;             ///< Of delivery, order (per key) and accounting together.
  std::map<std::string, std::multiset<std::string>> ids;  ///< By kind of anomaly.
  bool pending = false;          ///< Something confirmed is not seen, and its queue was not drained.
  bool unaccounted_for = false;  ///< Likewise, not accounted for.
};

Opinion oracle(const Events& events);

}  // namespace troop::testing_support
