// Histories of an imaginary broker, made from a seed: pipelined publishes, lost connections and resends, crashed
// consumers, several queues. The checker self-test judges them, as they are and with one mistake injected.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <string>
#include <vector>

namespace troop::testing_support {

using Events = std::vector<boost::json::object>;

/// What a history from elsewhere may lack.
struct Lacks {
  bool run = false, op = false, channel = false, attempt = false, producer = false, drain = false, acks = false;
};

struct World {
  Events events;
  int consumers_per_queue = 1;
};

/// A history in which the broker did nothing wrong: whatever the seed, nothing is lost, duplicated by the broker, made
/// up or out of order. Producers may resend, so that `duplicated` is not zero everywhere.
World make_history(std::uint64_t seed);

/// Takes fields and events away, as other tools do. `index` stays right.
void strip(Events& events, const Lacks& lacks);

enum class Mistake { loss, duplicate, swap, phantom };

/// Puts one mistake in, at a place that the seed chooses. Returns the id of the message it happened to: lost, delivered
/// twice, overtaken, or made up. Empty where the history has no place for it.
std::string inject(Events& events, Mistake mistake, std::uint64_t seed);

/// Numbers the events from 0.
void reindex(Events& events);

/// One line each.
std::string to_ndjson(const Events& events);

}  // namespace troop::testing_support
