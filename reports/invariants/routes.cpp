// Where publishes go: the part of the ledger that needs the run's topology.
#include <algorithm>

#include "reports/invariants/ledger.hpp"

namespace troop::invariants {

Row Ledger::route_of(const history::Event& event) {
  const bool named = !event.queue.empty() || (event.has_exchange && event.exchange.empty());
  const std::string_view key = event.queue.empty() ? event.routing_key : event.queue;
  // Nearly always that of the publish before; to see so needs no composed text.
  if (last_route_ != no_symbol) {
    const Route& route = routes_[last_route_];
    const bool same_exchange = named || (route.stated == event.has_exchange && route.exchange == event.exchange);
    if (route.named == named && same_exchange && route.routing_key == key) return last_route_;
  }
  route_text_.assign(named ? "q" : event.has_exchange ? "x" : "?");
  if (!named) route_text_.append(event.exchange).push_back('\0');
  route_text_.append(key);
  const Symbol row = last_route_ = route_names_.intern(route_text_);
  if (row == routes_.size()) {
    Route& route = routes_.emplace_back();
    route.exchange = event.exchange;
    route.routing_key = key;
    route.named = named;
    route.stated = event.has_exchange;
    if (named) {
      route.queues.push_back(names_.intern(key));
      queue_state(route.queues.front());
    }
  }
  return row;
}

void Ledger::resolve_routes(const RunInfo& run) {
  for (auto& route : routes_) {
    if (route.named || !route.stated) continue;
    route.queues.clear();
    const auto queues = run.route(route.exchange, route.routing_key);
    if (!queues) continue;
    for (const auto& queue : *queues) {
      route.queues.push_back(names_.intern(queue));
      queue_state(route.queues.back());
    }
    std::sort(route.queues.begin(), route.queues.end());
  }
}

const std::vector<Symbol>& Ledger::queues(const Attempt& attempt) const { return routes_[attempt.route].queues; }

bool Ledger::names_queue(const Attempt& attempt) const { return routes_[attempt.route].named; }

Fate Ledger::fate(const Attempt& attempt) const {
  if (attempt.fate == Fate::open) return Fate::unknown;
  if (attempt.fate == Fate::failed && attempt.nacked && queues(attempt).size() > 1) return Fate::unknown;
  return attempt.fate;
}

Row Ledger::drained(Symbol queue, Row published) const {
  const auto after = [&](Row drain) { return drain != none && (published == none || drain > published); };
  if (queue != no_symbol) {
    const Row own = queue < queues_.size() ? queues_[queue].drained_at : none;
    return after(own) ? own : none;
  }
  if (after(all_drained_at_)) return all_drained_at_;
  Row last = none;
  for (const auto& state : queues_) {
    if (!state.seen) continue;
    if (!after(state.drained_at)) return none;
    last = last == none ? state.drained_at : std::max(last, state.drained_at);
  }
  return last;
}

}  // namespace troop::invariants
