#include "agents/faults/closing.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "agents/faults/control_faults.hpp"

namespace troop::agents {

std::string client_of(Parts& parts, const protocol::StepOrder& order) {
  Part* part = parts.find(order.victim);
  return part == nullptr || part->kind() == "broker" ? std::string{} : part->name();
}

Result<Proof> closed(const protocol::StepOrder& order, const ClosedByBroker& result, std::string_view what) {
  constexpr std::size_t named_max = 10;
  const std::size_t count = result.clients.size();
  if (count == 0) return not_proven(order, fmt::format("{} had no open {}", order.victim, what));
  if (result.left > 0) return not_proven(order, fmt::format("{} of {} {}s are still open", result.left, count, what));
  std::vector<std::string> names;
  for (const auto& name : result.clients) {
    if (names.size() < named_max) names.push_back(name.empty() ? "a nameless client" : name);
  }
  return Proof{monotonic_ns(), fmt::format("the broker closed {} {}{}: {}{}", count, what, count == 1 ? "" : "s",
                                           fmt::join(names, ", "), count > named_max ? " …" : "")};
}

asio::awaitable<Result<Proof>> clients_come_back(Parts& parts, const protocol::StepOrder& order, Seen) {
  return works_again(parts, order);
}

}  // namespace troop::agents
