#include "reports/invariants/clocks.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>

namespace troop::invariants {
namespace {

std::int64_t bound_of(const history::Event& event) {
  boost::system::error_code error;
  const auto line = boost::json::parse(event.line, error);
  const auto* const object = error ? nullptr : line.if_object();
  const auto* const bound = object == nullptr ? nullptr : object->if_contains("bound");
  if (bound == nullptr || !bound->is_int64() || bound->get_int64() < 0) return Clocks::unknown;
  return std::min(bound->get_int64(), Clocks::unknown);
}

}  // namespace

void Clocks::observe(const history::Event& event) {
  bounds_.insert_or_assign(std::string{event.process}, bound_of(event));
  std::int64_t first = 0, second = 0;
  for (const auto& [process, bound] : bounds_) {
    second = std::max(second, std::min(first, bound));
    first = std::max(first, bound);
  }
  apart_ = first + second;
}

}  // namespace troop::invariants
